/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The block tradesec_identity, and the JWK set that it publishes.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_utf8.h"
#include "core/ts_word.h"
#include "guard/assertion/ngx_http_tradesec_assertion.h"
#include "request/ngx_http_tradesec_conf.h"


#define NGX_HTTP_TRADESEC_ASSERTION_LIFETIME_MIN  10
#define NGX_HTTP_TRADESEC_ASSERTION_LIFETIME_MAX  600
#define NGX_HTTP_TRADESEC_ASSERTION_TEXT          256


static char *ngx_http_tradesec_assertion_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_tradesec_assertion_word(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_uint_t word);
static char *ngx_http_tradesec_assertion_set(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *value);
static char *ngx_http_tradesec_assertion_header(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *value);
static char *ngx_http_tradesec_assertion_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *value);
static char *ngx_http_tradesec_assertion_claim(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion);
static char *ngx_http_tradesec_assertion_finish(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion);


enum {
    NGX_HTTP_TRADESEC_ASSERTION_ISSUER,
    NGX_HTTP_TRADESEC_ASSERTION_AUDIENCE,
    NGX_HTTP_TRADESEC_ASSERTION_KEY_FILE,
    NGX_HTTP_TRADESEC_ASSERTION_PUBLISH_FILE,
    NGX_HTTP_TRADESEC_ASSERTION_HEADER,
    NGX_HTTP_TRADESEC_ASSERTION_LIFETIME,
    NGX_HTTP_TRADESEC_ASSERTION_CLAIM,
    NGX_HTTP_TRADESEC_ASSERTION_LINES
};

static const ts_slice_t  ngx_http_tradesec_assertion_words[] = {
    { (const uint8_t *) "issuer", 6 },
    { (const uint8_t *) "audience", 8 },
    { (const uint8_t *) "key_file", 8 },
    { (const uint8_t *) "publish_file", 12 },
    { (const uint8_t *) "header", 6 },
    { (const uint8_t *) "lifetime", 8 },
    { (const uint8_t *) "claim", 5 },
};

/* What the gateway itself says, or a backend could take it to have said. */

static const ts_slice_t  ngx_http_tradesec_assertion_own[] = {
    { (const uint8_t *) "iss", 3 }, { (const uint8_t *) "aud", 3 },
    { (const uint8_t *) "sub", 3 }, { (const uint8_t *) "provider", 8 },
    { (const uint8_t *) "iat", 3 }, { (const uint8_t *) "exp", 3 },
    { (const uint8_t *) "nbf", 3 }, { (const uint8_t *) "jti", 3 },
};


char *
ngx_http_tradesec_assertion(ngx_conf_t *cf, ngx_array_t *assertions)
{
    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_conf_t                       save;
    ngx_pool_cleanup_t              *cln;
    ngx_http_tradesec_assertion_t  **slot, *assertion;

    value = cf->args->elts;
    slot = assertions->elts;

    for (i = 0; i < assertions->nelts; i++) {
        if (ngx_strcmp(slot[i]->name.data, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate identity \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    assertion = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_assertion_t));
    slot = ngx_array_push(assertions);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (assertion == NULL || slot == NULL || cln == NULL
        || ngx_http_tradesec_assertion_memory(cf, assertion) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_tradesec_assertion_free_keys;
    cln->data = assertion;

    *slot = assertion;
    assertion->name = value[1];
    assertion->lifetime = NGX_CONF_UNSET;

    save = *cf;
    cf->handler = ngx_http_tradesec_assertion_line;
    cf->handler_conf = (void *) assertion;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK
           ? ngx_http_tradesec_assertion_finish(cf, assertion)
           : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_assertion_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_tradesec_assertion_t *assertion = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    i = ts_word_find(ts_slice(value[0].data, value[0].len),
                     ngx_http_tradesec_assertion_words,
                     NGX_HTTP_TRADESEC_ASSERTION_LINES);

    if (i == NGX_HTTP_TRADESEC_ASSERTION_LINES) {
        return ngx_http_tradesec_conf_unknown_line(cf, "tradesec_identity",
                                        ngx_http_tradesec_assertion_words, i);
    }

    if (cf->args->nelts != 2
        && !(i == NGX_HTTP_TRADESEC_ASSERTION_CLAIM && cf->args->nelts == 3))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_tradesec_assertion_word(cf, assertion, i);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", &value[0], rv);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_assertion_word(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_uint_t word)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    switch (word) {

    case NGX_HTTP_TRADESEC_ASSERTION_ISSUER:
        return ngx_http_tradesec_assertion_set(cf, &assertion->issuer,
                                               &value[1]);

    case NGX_HTTP_TRADESEC_ASSERTION_AUDIENCE:
        return ngx_http_tradesec_assertion_set(cf, &assertion->audience,
                                               &value[1]);

    case NGX_HTTP_TRADESEC_ASSERTION_KEY_FILE:
        return ngx_http_tradesec_assertion_key(cf, assertion, &value[1], 1);

    case NGX_HTTP_TRADESEC_ASSERTION_PUBLISH_FILE:
        return ngx_http_tradesec_assertion_key(cf, assertion, &value[1], 0);

    case NGX_HTTP_TRADESEC_ASSERTION_HEADER:
        return ngx_http_tradesec_assertion_header(cf, assertion, &value[1]);

    case NGX_HTTP_TRADESEC_ASSERTION_LIFETIME:
        return ngx_http_tradesec_assertion_lifetime(cf, assertion, &value[1]);

    default:
        return ngx_http_tradesec_assertion_claim(cf, assertion);
    }
}


/* A text that stands in JSON: UTF-8 without control characters. */

static char *
ngx_http_tradesec_assertion_set(ngx_conf_t *cf, ngx_str_t *field,
    ngx_str_t *value)
{
    size_t     i;
    ts_utf8_t  utf8;

    if (field->len) {
        return "is duplicate";
    }

    ngx_memzero(&utf8, sizeof(ts_utf8_t));

    if (value->len == 0 || value->len > NGX_HTTP_TRADESEC_ASSERTION_TEXT
        || !ts_utf8_feed(&utf8, ts_slice(value->data, value->len), NULL, 0)
        || !ts_utf8_complete(&utf8))
    {
        return "must have a text of 1 to 256 bytes";
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return "must have a text without control characters";
        }
    }

    *field = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_assertion_header(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *value)
{
    size_t  i;

    if (assertion->header.name.len) {
        return "is duplicate";
    }

    for (i = 0; i < value->len; i++) {
        if (!((value->data[i] | 0x20) >= 'a' && (value->data[i] | 0x20) <= 'z')
            && !(value->data[i] >= '0' && value->data[i] <= '9')
            && value->data[i] != '-')
        {
            break;
        }
    }

    /* one that is the client's, or nginx's own, to set */

    if (i != value->len || value->len < 3
        || ngx_strncasecmp(value->data, (u_char *) "content-", 8) == 0
        || ngx_strcasecmp(value->data, (u_char *) "authorization") == 0
        || ngx_strcasecmp(value->data, (u_char *) "cookie") == 0
        || ngx_strcasecmp(value->data, (u_char *) "host") == 0
        || ngx_strcasecmp(value->data, (u_char *) "connection") == 0
        || ngx_strcasecmp(value->data, (u_char *) "upgrade") == 0
        || ngx_strcasecmp(value->data, (u_char *) "transfer-encoding") == 0)
    {
        return "must name a header of its own, as \"X-Identity\"";
    }

    return ngx_http_tradesec_identity_name(cf, &assertion->header, value)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_assertion_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *value)
{
    if (assertion->lifetime != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    assertion->lifetime = ngx_parse_time(value, 1);

    if (assertion->lifetime == (time_t) NGX_ERROR
        || assertion->lifetime < NGX_HTTP_TRADESEC_ASSERTION_LIFETIME_MIN
        || assertion->lifetime > NGX_HTTP_TRADESEC_ASSERTION_LIFETIME_MAX)
    {
        return "must be from 10s to 10m";
    }

    return NGX_CONF_OK;
}


/* claim POINTER [NAME] */

static char *
ngx_http_tradesec_assertion_claim(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion)
{
    char        *rv;
    ngx_str_t   *value, *name;
    ngx_uint_t   i, n;

    value = cf->args->elts;
    name = &value[cf->args->nelts - 1];
    n = assertion->n_claims;

    if (n == TS_ASSERTION_CLAIMS) {
        return "stands there more than 16 times";
    }

    if (!ngx_http_tradesec_conf_claim_pointer(cf, &assertion->claims[n],
                                              &value[1])
        || name->len == 0 || name->data[0] == '/')
    {
        return "needs the name of a claim, or a JSON pointer and a name, as "
               "\"claim /realm/roles roles\"";
    }

    for (i = 0; i < sizeof(ngx_http_tradesec_assertion_own)
                    / sizeof(ngx_http_tradesec_assertion_own[0]); i++)
    {
        if (ts_slice_eq(ts_slice(name->data, name->len),
                        ngx_http_tradesec_assertion_own[i]))
        {
            return "cannot be a claim that the gateway sets itself";
        }
    }

    for (i = 0; i < n; i++) {
        if (name->len == assertion->names[i].len
            && ngx_memcmp(name->data, assertion->names[i].data, name->len)
               == 0)
        {
            return "has a name that is there already";
        }
    }

    rv = ngx_http_tradesec_assertion_set(cf, &assertion->names[n], name);

    assertion->n_claims += (rv == NGX_CONF_OK);

    return rv;
}


static char *
ngx_http_tradesec_assertion_finish(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion)
{
    static ngx_str_t  header = ngx_string("X-Identity");

    if (assertion->keys[0].pkey == NULL || assertion->issuer.len == 0
        || assertion->audience.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_identity %V\" must have \"issuer\", "
                           "\"audience\" and \"key_file\"", &assertion->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(assertion->lifetime, 60);

    if (assertion->header.name.len == 0
        && ngx_http_tradesec_identity_name(cf, &assertion->header, &header)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_assertion_jwks(cf, assertion);
}


ngx_http_tradesec_assertion_t *
ngx_http_tradesec_assertion_find(ngx_conf_t *cf,
    const ngx_array_t *assertions)
{
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_tradesec_assertion_t  **slot;

    value = cf->args->elts;
    slot = assertions->elts;

    for (i = 0; i < assertions->nelts; i++) {
        if (ngx_strcmp(slot[i]->name.data, value[1].data) == 0) {
            return slot[i];
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown identity \"%V\": there is no "
                       "\"tradesec_identity %V\" before this line",
                       &value[1], &value[1]);

    return NULL;
}
