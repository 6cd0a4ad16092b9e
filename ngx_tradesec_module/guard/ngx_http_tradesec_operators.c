/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_operators.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"


static ngx_flag_t ngx_http_tradesec_operators_asked(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_operators_own(ngx_http_request_t *r);


/* About strangers, in a second and worker. */

#define NGX_HTTP_TRADESEC_OPERATORS_LINES  50


char *
ngx_http_tradesec_operators_conf(ngx_conf_t *cf, ngx_array_t **allow)
{
    ngx_int_t    rc;
    ngx_str_t   *value, address;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "allow=", 6 },
    };

    value = cf->args->elts;

    if (cf->args->nelts == 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must say whom it is for, as "
                           "\"allow=127.0.0.1\" or \"allow=10.0.0.0/8\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    *allow = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_cidr_t));
    if (*allow == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "allow=", 6) != 0) {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], words, 1);
        }

        address.data = value[i].data + 6;
        address.len = value[i].len - 6;

        cidr = ngx_array_push(*allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

#if (NGX_HAVE_UNIX_DOMAIN)

        if (address.len == 5 && ngx_strncmp(address.data, "unix:", 5) == 0) {
            cidr->family = AF_UNIX;
            continue;
        }

#endif

        rc = ngx_ptocidr(&address, cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address in \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of \"%V\" are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_operators_location(ngx_conf_t *cf, ngx_array_t **allow,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (*allow != NULL) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return ngx_http_tradesec_operators_conf(cf, allow);
}


ngx_flag_t
ngx_http_tradesec_operators_admit(ngx_http_request_t *r, ngx_array_t *allow,
    const char *directive)
{
    static time_t      second;
    static ngx_uint_t  lines;

    if (allow != NULL
        && ngx_cidr_match(r->connection->sockaddr, allow) == NGX_OK
        && ngx_http_tradesec_operators_asked(r)
        && ngx_http_tradesec_operators_own(r))
    {
        return 1;
    }

    if (second != ngx_time()) {
        second = ngx_time();
        lines = 0;
    }

    if (lines++ < NGX_HTTP_TRADESEC_OPERATORS_LINES) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: \"%s\" is not for this client", directive);
    }

    return 0;
}


/*
 * A part of a page is not asked for by the operator, but by who wrote the page,
 * and nginx asks subrequests for no password. Those into an internal location
 * are the operator's own.
 */

static ngx_flag_t
ngx_http_tradesec_operators_asked(ngx_http_request_t *r)
{
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return r == r->main || clcf->internal;
}


/*
 * Whether the order is an operator's own. A page of another site in his browser
 * sends its origin, which the origin guard has judged, where there is one and
 * it is not in dry run.
 */

static ngx_flag_t
ngx_http_tradesec_operators_own(ngx_http_request_t *r)
{
    ngx_str_t                       site;
    const ngx_http_tradesec_ctx_t  *ctx;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return 1;
    }

    ctx = ngx_http_tradesec_is_on(r) ? ngx_http_tradesec_find_ctx(r) : NULL;

    if (ctx != NULL && ctx->passed & 1u << NGX_HTTP_TRADESEC_GUARD_ORIGIN) {
        return 1;
    }

    site = ngx_http_tradesec_request_field(r, "sec-fetch-site");

    return ngx_http_tradesec_request_field(r, "origin").len == 0
           && (site.len == 0
               || (site.len == 4 && ngx_strncmp(site.data, "none", 4) == 0));
}


ngx_int_t
ngx_http_tradesec_operators_read(ngx_http_request_t *r, ngx_array_t *allow,
    const char *directive)
{
    if (!ngx_http_tradesec_operators_admit(r, allow, directive)) {
        return NGX_HTTP_FORBIDDEN;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_discard_request_body(r);
}


ngx_int_t
ngx_http_tradesec_operators_answer(ngx_http_request_t *r, ngx_buf_t *b,
    const char *type)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    static const ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_http_tradesec_set_response_field(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_tradesec_set_status(r, NGX_HTTP_OK);

    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
