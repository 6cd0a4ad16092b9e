/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_conf.h"
#include "response/ngx_http_tradesec_header_policy.h"


#define REPLACE  NGX_HTTP_TRADESEC_HEADER_REPLACE
#define KEEP     NGX_HTTP_TRADESEC_HEADER_KEEP
#define MERGE    NGX_HTTP_TRADESEC_HEADER_MERGE


/* How much of a header is known before the request: its rank in the list. */

#define FIXED    0
#define VARYING  1    /* only over TLS, or with a variable in it, or empty */
#define REMOVED  2
#define OFF      3    /* not in the list */


static ngx_int_t ngx_http_tradesec_headers_adjust(
    ngx_http_tradesec_header_policy_t *policy, const ngx_array_t *adjusted);
static ngx_int_t ngx_http_tradesec_headers_remove(
    ngx_http_tradesec_header_policy_t *policy, const ngx_array_t *removed);
static void ngx_http_tradesec_headers_finish(
    ngx_http_tradesec_header_policy_t *policy);
static ngx_uint_t ngx_http_tradesec_headers_rank(
    const ngx_http_tradesec_header_t *header);
static ngx_http_tradesec_header_t *ngx_http_tradesec_headers_place(
    ngx_http_tradesec_header_policy_t *policy, const ngx_str_t *name);


/*
 * What a normal app survives. Scripts are not restricted, since inline ones
 * are common; popups of payment and identity providers go on working.
 */

static const ngx_http_tradesec_header_t  ngx_http_tradesec_basic[] = {

    { ngx_string("Strict-Transport-Security"),
      ngx_string("max-age=31536000"), NULL, REPLACE, 1 },

    { ngx_string("Content-Security-Policy"),
      ngx_string("base-uri 'self'; object-src 'none'; frame-ancestors 'self'"),
      NULL, MERGE, 0 },

    { ngx_string("X-Frame-Options"), ngx_string("SAMEORIGIN"), NULL, KEEP, 0 },

    { ngx_string("X-Content-Type-Options"), ngx_string("nosniff"),
      NULL, REPLACE, 0 },

    { ngx_string("Referrer-Policy"),
      ngx_string("strict-origin-when-cross-origin"), NULL, KEEP, 0 },

    { ngx_string("Permissions-Policy"),
      ngx_string("camera=(), geolocation=(), microphone=()"), NULL, KEEP, 0 },

    { ngx_string("Cross-Origin-Opener-Policy"),
      ngx_string("same-origin-allow-popups"), NULL, KEEP, 0 },
};


/* For an app that was built for it: no inline scripts, no framing at all. */

static const ngx_http_tradesec_header_t  ngx_http_tradesec_strict[] = {

    { ngx_string("Strict-Transport-Security"),
      ngx_string("max-age=63072000; includeSubDomains"), NULL, REPLACE, 1 },

    { ngx_string("Content-Security-Policy"),
      ngx_string("default-src 'self'; base-uri 'none'; object-src 'none'; "
                 "form-action 'self'; frame-ancestors 'none'"),
      NULL, MERGE, 0 },

    { ngx_string("X-Frame-Options"), ngx_string("DENY"), NULL, REPLACE, 0 },

    { ngx_string("X-Content-Type-Options"), ngx_string("nosniff"),
      NULL, REPLACE, 0 },

    /* not no-referrer, under which own forms send "Origin: null" */

    { ngx_string("Referrer-Policy"), ngx_string("same-origin"),
      NULL, REPLACE, 0 },

    { ngx_string("Permissions-Policy"),
      ngx_string("camera=(), geolocation=(), microphone=(), payment=(), "
                 "usb=()"), NULL, REPLACE, 0 },

    { ngx_string("Cross-Origin-Opener-Policy"), ngx_string("same-origin"),
      NULL, REPLACE, 0 },

    { ngx_string("Cross-Origin-Resource-Policy"), ngx_string("same-origin"),
      NULL, REPLACE, 0 },
};


static const ngx_str_t  ngx_http_tradesec_default_removed[] = {
    ngx_string("Server"),
    ngx_string("X-Powered-By")
};


const ngx_http_tradesec_header_policy_t *
ngx_http_tradesec_header_policy_build(ngx_conf_t *cf, ngx_uint_t preset,
    const ngx_array_t *adjusted, const ngx_array_t *removed)
{
    ngx_http_tradesec_header_policy_t  *policy;

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_header_policy_t));
    if (policy == NULL) {
        return NULL;
    }

    if (preset == NGX_HTTP_TRADESEC_PRESET_STRICT) {
        ngx_memcpy(policy->headers, ngx_http_tradesec_strict,
                   sizeof(ngx_http_tradesec_strict));
        policy->n = sizeof(ngx_http_tradesec_strict)
                    / sizeof(ngx_http_tradesec_header_t);

    } else {
        ngx_memcpy(policy->headers, ngx_http_tradesec_basic,
                   sizeof(ngx_http_tradesec_basic));
        policy->n = sizeof(ngx_http_tradesec_basic)
                    / sizeof(ngx_http_tradesec_header_t);
    }

    if (ngx_http_tradesec_headers_adjust(policy, adjusted) != NGX_OK
        || ngx_http_tradesec_headers_remove(policy, removed) != NGX_OK)
    {
        (void) ngx_http_tradesec_conf_merge_error(cf,
            "more than 32 headers are set and removed by "
            "\"tradesec_headers\", \"tradesec_header\" and "
            "\"tradesec_header_remove\"");
        return NULL;
    }

    ngx_http_tradesec_headers_finish(policy);

    return policy;
}


static ngx_int_t
ngx_http_tradesec_headers_adjust(ngx_http_tradesec_header_policy_t *policy,
    const ngx_array_t *adjusted)
{
    ngx_uint_t                         i;
    ngx_http_tradesec_header_t        *header;
    const ngx_http_tradesec_header_t  *own;

    if (adjusted == NULL) {
        return NGX_OK;
    }

    own = adjusted->elts;

    for (i = 0; i < adjusted->nelts; i++) {
        header = ngx_http_tradesec_headers_place(policy, &own[i].name);
        if (header == NULL) {
            return NGX_DECLINED;
        }

        *header = own[i];
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_headers_remove(ngx_http_tradesec_header_policy_t *policy,
    const ngx_array_t *removed)
{
    ngx_uint_t                   i, n;
    const ngx_str_t             *name;
    ngx_http_tradesec_header_t  *header;

    static const ngx_str_t  server = ngx_string("Server");

    name = ngx_http_tradesec_default_removed;
    n = sizeof(ngx_http_tradesec_default_removed) / sizeof(ngx_str_t);

    if (removed != NULL) {
        name = removed->elts;
        n = removed->nelts;
    }

    for (i = 0; i < n; i++) {
        header = ngx_http_tradesec_headers_place(policy, &name[i]);
        if (header == NULL) {
            return NGX_DECLINED;
        }

        header->name = name[i];
        header->mode = NGX_HTTP_TRADESEC_HEADER_REMOVE;

        if (ngx_http_tradesec_header_name_eq(&name[i], &server)) {
            policy->hide_server = 1;
        }
    }

    return NGX_OK;
}


/*
 * Puts the headers in the order of their ranks. Those that are off were only
 * there to be found by their name.
 */

static void
ngx_http_tradesec_headers_finish(ngx_http_tradesec_header_policy_t *policy)
{
    ngx_uint_t                   i, n, rank;
    ngx_table_elt_t             *h;
    ngx_http_tradesec_header_t   headers[NGX_HTTP_TRADESEC_HEADERS_MAX];

    n = 0;

    for (rank = FIXED; rank <= REMOVED; rank++) {

        for (i = 0; i < policy->n; i++) {

            if (ngx_http_tradesec_headers_rank(&policy->headers[i]) == rank) {
                headers[n++] = policy->headers[i];
            }
        }

        if (rank == FIXED) {
            policy->nfixed = n;
        }

        if (rank == VARYING) {
            policy->nset = n;
        }
    }

    ngx_memcpy(policy->headers, headers,
               n * sizeof(ngx_http_tradesec_header_t));
    policy->n = n;

    for (i = 0; i < n; i++) {
        policy->lengths |= (uint64_t) 1 << (headers[i].name.len & 63);
    }

    for (i = 0; i < policy->nfixed; i++) {
        h = &policy->fixed[i];

        h->hash = 1;
        h->key = headers[i].name;
        h->value = headers[i].value;
        ngx_http_tradesec_header_unlink(h);
    }
}


static ngx_uint_t
ngx_http_tradesec_headers_rank(const ngx_http_tradesec_header_t *header)
{
    if (header->mode == NGX_HTTP_TRADESEC_HEADER_OFF) {
        return OFF;
    }

    if (header->mode == NGX_HTTP_TRADESEC_HEADER_REMOVE) {
        return REMOVED;
    }

    if (header->tls_only || header->variable != NULL
        || header->value.len == 0)
    {
        return VARYING;
    }

    return FIXED;
}


/* The place of that name, or a new one; NULL when all are taken. */

static ngx_http_tradesec_header_t *
ngx_http_tradesec_headers_place(ngx_http_tradesec_header_policy_t *policy,
    const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < policy->n; i++) {
        if (ngx_http_tradesec_header_name_eq(&policy->headers[i].name, name)) {
            return &policy->headers[i];
        }
    }

    if (policy->n == NGX_HTTP_TRADESEC_HEADERS_MAX) {
        return NULL;
    }

    return &policy->headers[policy->n++];
}


ngx_flag_t
ngx_http_tradesec_header_name_eq(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len && ngx_strncasecmp(a->data, b->data, a->len) == 0;
}
