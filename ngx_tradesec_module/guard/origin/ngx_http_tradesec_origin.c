/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The origin guard: unsafe requests and sockets come from listed origins only.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_origin_policy.h"
#include "guard/origin/ngx_http_tradesec_origin.h"
#include "guard/origin/ngx_http_tradesec_origin_conf.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"


static const void *ngx_http_tradesec_origin_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_origin_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_origin_passes(ngx_http_request_t *r);
static ts_reason_e ngx_http_tradesec_origin_judge(ngx_http_request_t *r);
static void ngx_http_tradesec_origin_fields(ngx_http_request_t *r,
    ts_origin_request_t *request);
static void ngx_http_tradesec_origin_count(ts_origin_field_t *field,
    const ngx_table_elt_t *h);
static ngx_flag_t ngx_http_tradesec_has_credential(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_origin_self(ngx_http_request_t *r,
    const ngx_array_t *names, ts_origin_t *self);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_origin_guard = {
    NGX_HTTP_TRADESEC_GUARD_ORIGIN,
    ngx_http_tradesec_origin_get_policy,
    ngx_http_tradesec_origin_check,
    ngx_http_tradesec_origin_passes,
    NULL
};


/* Indexed by ts_origin_verdict_e. */

static const ts_reason_e  ngx_http_tradesec_origin_reasons[] = {
    TS_REASON_NONE,
    TS_REASON_ORIGIN_MALFORMED,
    TS_REASON_ORIGIN_NULL,
    TS_REASON_ORIGIN_MISMATCH,
    TS_REASON_CROSS_SITE,
    TS_REASON_ORIGIN_MISSING
};


static ngx_command_t  ngx_http_tradesec_origin_commands[] = {

    { ngx_string("tradesec_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_origin_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tradesec_origin_create_conf,  /* create location configuration */
    ngx_http_tradesec_origin_merge_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_tradesec_origin_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_origin_module_ctx,  /* module context */
    ngx_http_tradesec_origin_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static const void *
ngx_http_tradesec_origin_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_origin_conf_t  *ocf;

    ocf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_origin_module);

    return ocf->policy->off ? NULL : ocf->policy;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_origin_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ts_reason_e  reason;

    reason = ngx_http_tradesec_origin_judge(r);

    return reason == TS_REASON_NONE ? ngx_http_tradesec_pass()
                                    : ngx_http_tradesec_deny(reason);
}


static ngx_flag_t
ngx_http_tradesec_origin_passes(ngx_http_request_t *r)
{
    return ngx_http_tradesec_origin_judge(r) == TS_REASON_NONE;
}


static ts_reason_e
ngx_http_tradesec_origin_judge(ngx_http_request_t *r)
{
    ngx_uint_t                                n;
    ts_origin_t                               self;
    ts_origin_request_t                       request;
    ts_origin_verdict_e                       verdict;
    const ngx_http_tradesec_origin_conf_t    *ocf;
    const ngx_http_tradesec_origin_policy_t  *policy;

    ngx_memzero(&request, sizeof(ts_origin_request_t));

    /* any Upgrade: what is not a proper handshake, the next guards refuse */
    request.handshake = r->headers_in.upgrade != NULL;

    if (!request.handshake && ngx_http_tradesec_is_safe(r)) {
        return TS_REASON_NONE;
    }

    ocf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_origin_module);
    policy = ocf->policy;

    ngx_http_tradesec_origin_fields(r, &request);
    request.credential = ngx_http_tradesec_has_credential(r);

    verdict = TS_ORIGIN_MISMATCH;

    if (policy->n || !policy->self) {
        verdict = ts_origin_check(&request, policy->allowed, policy->n);
    }

    if (verdict == TS_ORIGIN_MISMATCH && policy->self) {
        n = ngx_http_tradesec_origin_self(r, ocf->names, &self);
        verdict = ts_origin_check(&request, &self, n);
    }

    return ngx_http_tradesec_origin_reasons[verdict];
}


static void
ngx_http_tradesec_origin_fields(ngx_http_request_t *r,
    ts_origin_request_t *request)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_http_tradesec_each_field(r, part, h) {

        switch (h->key.len) {

        case sizeof("origin") - 1:
            if (ngx_memcmp(h->lowcase_key, "origin", 6) == 0) {
                ngx_http_tradesec_origin_count(&request->origin, h);
            }

            break;

        case sizeof("referer") - 1:
            if (ngx_memcmp(h->lowcase_key, "referer", 7) == 0) {
                ngx_http_tradesec_origin_count(&request->referer, h);
            }

            break;

        case sizeof("sec-fetch-site") - 1:
            if (ngx_memcmp(h->lowcase_key, "sec-fetch-site", 14) == 0) {
                ngx_http_tradesec_origin_count(&request->fetch_site, h);
            }

            break;
        }
    }
}


static void
ngx_http_tradesec_origin_count(ts_origin_field_t *field,
    const ngx_table_elt_t *h)
{
    if (field->n++ == 0) {
        field->value = ts_slice(h->value.data, h->value.len);
    }
}


/*
 * Whether the request carries a credential that a browser adds by itself, or
 * a password. A bearer token is none: a page of another site cannot send it.
 */

static ngx_flag_t
ngx_http_tradesec_has_credential(ngx_http_request_t *r)
{
    ngx_str_t  *authorization;

    if (ngx_http_tradesec_has_cookie(r) || ngx_http_tradesec_is_login(r)) {
        return 1;
    }

    if (r->headers_in.authorization) {
        authorization = &r->headers_in.authorization->value;

        if (authorization->len < sizeof("Bearer ") - 1
            || ngx_strncasecmp(authorization->data, (u_char *) "Bearer ", 7)
               != 0)
        {
            return 1;
        }
    }

#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        X509  *certificate;

        certificate = SSL_get_peer_certificate(r->connection->ssl->connection);

        if (certificate) {
            X509_free(certificate);
            return 1;
        }
    }

#endif

    return 0;
}


/*
 * Scheme and Host of the request, only where the host is an explicit
 * server_name: Host is the client's word, and the default server takes any.
 */

static ngx_flag_t
ngx_http_tradesec_origin_self(ngx_http_request_t *r, const ngx_array_t *names,
    ts_origin_t *self)
{
    size_t            port;
    ngx_str_t        *name, *host;
    ngx_uint_t        i;

    if (names == NULL || r->headers_in.host == NULL) {
        return 0;
    }

    name = names->elts;
    host = &r->headers_in.server;

    for (i = 0; i < names->nelts; i++) {
        if (name[i].len == host->len
            && ngx_strncmp(name[i].data, host->data, host->len) == 0)
        {
            break;
        }
    }

    if (i == names->nelts) {
        return 0;
    }

    self->text = ts_slice(NULL, 0);

    if (ngx_http_tradesec_is_https(r)) {
        self->scheme = TS_SLICE("https");
        self->port = 443;

    } else {
        self->scheme = TS_SLICE("http");
        self->port = 80;
    }

    self->host = ts_slice(host->data, host->len);

    /* nginx has checked the field and kept the host without its port */

    host = &r->headers_in.host->value;

    for (port = host->len; port > 0; port--) {

        if (host->data[port - 1] == ':') {
            i = ngx_atoi(host->data + port, host->len - port);

            if ((ngx_int_t) i > 0 && i <= 65535) {
                self->port = (uint16_t) i;
            }

            break;
        }

        if (host->data[port - 1] < '0' || host->data[port - 1] > '9') {
            break;
        }
    }

    return 1;
}
