/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The keys of a tradesec_identity: the one that signs, and what is published.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/assertion/ngx_http_tradesec_assertion.h"
#include "guard/jwt/ngx_http_tradesec_jwt_keys.h"
#include "request/ngx_http_tradesec_field.h"




char *
ngx_http_tradesec_assertion_key(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *file,
    ngx_flag_t signs)
{
    ngx_err_t                      err;
    ngx_uint_t                     i;
    const char                    *what;
    ts_jwks_result_e               rc;
    ts_assertion_key_t            *key;
    ngx_http_tradesec_jwt_text_t   text;

    if (signs && assertion->keys[0].pkey != NULL) {
        return "is duplicate";
    }

    if (!signs && assertion->n_keys == NGX_HTTP_TRADESEC_ASSERTION_KEYS) {
        return "stands there more than 8 times";
    }

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    what = ngx_http_tradesec_jwt_load(file, &text, &err);

    if (what != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "\"%V\": %s", file, what);
        return NGX_CONF_ERROR;
    }

    key = &assertion->keys[signs ? 0 : 1 + assertion->n_keys];
    rc = ts_assertion_key_read(key, ts_slice(text.data, text.len), signs);

    ngx_http_tradesec_jwt_unload(&text);

    if (rc != TS_JWKS_OK) {
        ts_assertion_key_free(key);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot use \"%V\": %s; write a PEM file with %s "
                           "RSA key of 2048 bits or more, P-256 or Ed25519",
                           file, rc == TS_JWKS_PEM
                                 ? "there is no such key in it, or it asks "
                                   "for a passphrase"
                                 : ts_jwks_result_text(rc),
                           signs ? "a private" : "an");
        return NGX_CONF_ERROR;
    }

    if (signs) {
        ngx_http_tradesec_finding_secret(cf, file);

    } else {
        assertion->n_keys++;
    }

    for (i = 0; i < 1 + NGX_HTTP_TRADESEC_ASSERTION_KEYS; i++) {
        if (&assertion->keys[i] != key && assertion->keys[i].pkey != NULL
            && ngx_memcmp(assertion->keys[i].kid, key->kid, TS_ASSERTION_KID)
               == 0)
        {
            return "has a key that is there already";
        }
    }

    return NGX_CONF_OK;
}


void
ngx_http_tradesec_assertion_free_keys(void *data)
{
    ngx_http_tradesec_assertion_t *assertion = data;

    ngx_uint_t  i;

    for (i = 0; i < 1 + NGX_HTTP_TRADESEC_ASSERTION_KEYS; i++) {
        ts_assertion_key_free(&assertion->keys[i]);
    }
}


char *
ngx_http_tradesec_assertion_jwks(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion)
{
    u_char      *p, *last;
    size_t       size, len;
    ngx_uint_t   i;

    size = (1 + assertion->n_keys) * (TS_ASSERTION_JWK_LEN + 1)
           + sizeof("{\"keys\":[]}\n");

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    last = ngx_sprintf(p, "{\"keys\":[");

    for (i = 0; i <= assertion->n_keys; i++) {

        if (i != 0) {
            *last++ = ',';
        }

        len = ts_assertion_jwk(&assertion->keys[i], last,
                               TS_ASSERTION_JWK_LEN);
        if (len == 0) {
            return "has a key that cannot be published";
        }

        last += len;
    }

    last = ngx_sprintf(last, "]}\n");

    assertion->jwks.data = p;
    assertion->jwks.len = last - p;

    return NGX_CONF_OK;
}


/* What is public anyway may be stored, for as long as a rotation waits. */

ngx_int_t
ngx_http_tradesec_assertion_publish(ngx_http_request_t *r,
    const ngx_http_tradesec_assertion_t *assertion)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static const ngx_str_t  cache = ngx_string("public, max-age=300");

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);

    if (b == NULL
        || ngx_http_tradesec_set_response_field(r, "Cache-Control", &cache)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "application/jwk-set+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = assertion->jwks.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = assertion->jwks.data;
    b->last = b->pos + assertion->jwks.len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
