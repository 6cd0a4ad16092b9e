/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "core/ts_header.h"
#include "guard/jwt/ngx_http_tradesec_jwt_options.h"
#include "request/ngx_http_tradesec_conf.h"


typedef struct {
    ts_slice_t                         name;
    ngx_uint_t                         least;   /* arguments */
    ngx_uint_t                         most;
    ngx_uint_t                         once;
    char                            *(*set)(ngx_conf_t *cf,
                                         ngx_http_tradesec_jwt_block_t *block,
                                         ngx_str_t *value, ngx_uint_t n);
} ngx_http_tradesec_jwt_option_t;


static char *ngx_http_tradesec_jwt_set_issuer(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_audience(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_algorithms(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_file(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_leeway(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_max_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_seconds(ngx_conf_t *cf, ngx_str_t *value,
    time_t least, int64_t *field);
static char *ngx_http_tradesec_jwt_set_session_claim(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_stale(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_type(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_user_claim(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_set_header(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_tradesec_jwt_invalid(ngx_conf_t *cf, ngx_str_t *value);
static ngx_flag_t ngx_http_tradesec_jwt_may_be_header(ts_slice_t name);


#define ngx_http_tradesec_jwt_name(text)                                     \
    { (const uint8_t *) text, sizeof(text) - 1 }

static const ngx_http_tradesec_jwt_option_t
    ngx_http_tradesec_jwt_options[] = {

    { ngx_http_tradesec_jwt_name("issuer"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_issuer },

    { ngx_http_tradesec_jwt_name("audience"), 1, TS_JWT_AUDIENCES, 1,
      ngx_http_tradesec_jwt_set_audience },

    { ngx_http_tradesec_jwt_name("algorithms"), 1, TS_JWS_ALG_N, 1,
      ngx_http_tradesec_jwt_set_algorithms },

    { ngx_http_tradesec_jwt_name("jwks_file"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_file },

    { ngx_http_tradesec_jwt_name("pem_file"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_file },

    { ngx_http_tradesec_jwt_name("secret_file"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_file },

    { ngx_http_tradesec_jwt_name("jwks_uri"), 1, 5, 1,
      ngx_http_tradesec_jwt_set_uri },

    { ngx_http_tradesec_jwt_name("leeway"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_leeway },

    { ngx_http_tradesec_jwt_name("max_lifetime"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_max_lifetime },

    { ngx_http_tradesec_jwt_name("lifetime"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_lifetime },

    { ngx_http_tradesec_jwt_name("session_claim"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_session_claim },

    { ngx_http_tradesec_jwt_name("revocations_stale"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_stale },

    { ngx_http_tradesec_jwt_name("type"), 1, 2, 1,
      ngx_http_tradesec_jwt_set_type },

    { ngx_http_tradesec_jwt_name("user_claim"), 1, 1, 1,
      ngx_http_tradesec_jwt_set_user_claim },

    { ngx_http_tradesec_jwt_name("header"), 2, 2, 0,
      ngx_http_tradesec_jwt_set_header },
};

#define NGX_HTTP_TRADESEC_JWT_OPTIONS                                        \
    (sizeof(ngx_http_tradesec_jwt_options)                                   \
     / sizeof(ngx_http_tradesec_jwt_options[0]))


char *
ngx_http_tradesec_jwt_option(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_tradesec_jwt_block_t  *block = conf;

    ngx_str_t                             *value, line;
    ngx_uint_t                             i, n;
    ts_slice_t                             names[NGX_HTTP_TRADESEC_JWT_OPTIONS];
    const ngx_http_tradesec_jwt_option_t  *option;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    for (i = 0; i < NGX_HTTP_TRADESEC_JWT_OPTIONS; i++) {
        option = &ngx_http_tradesec_jwt_options[i];
        names[i] = option->name;

        if (!ts_slice_eq(option->name, ts_slice(value[0].data,
                                                value[0].len)))
        {
            continue;
        }

        if (n < option->least || n > option->most) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\"",
                               &value[0]);
            return NGX_CONF_ERROR;
        }

        if (option->once && (block->seen & ((ngx_uint_t) 1 << i))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is duplicate", &value[0]);
            return NGX_CONF_ERROR;
        }

        block->seen |= (ngx_uint_t) 1 << i;

        /* with their number, so that a line ends where it ends */

        line.data = (u_char *) &n;
        line.len = sizeof(n);
        ngx_http_tradesec_jwt_hash(block, &line);

        for (i = 0; i <= n; i++) {
            ngx_http_tradesec_jwt_hash(block, &value[i]);
        }

        return option->set(cf, block, value, n);
    }

    return ngx_http_tradesec_conf_unknown_line(cf, "tradesec_jwt_provider",
                                               names,
                                               NGX_HTTP_TRADESEC_JWT_OPTIONS);
}


void
ngx_http_tradesec_jwt_hash(ngx_http_tradesec_jwt_block_t *block,
    const ngx_str_t *s)
{
    (void) crypto_generichash_update(&block->hash, (u_char *) &s->len,
                                     sizeof(s->len));
    (void) crypto_generichash_update(&block->hash, s->data, s->len);
}


static char *
ngx_http_tradesec_jwt_set_issuer(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    block->provider->policy.issuer = ts_slice(value[1].data, value[1].len);

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_audience(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t        i;
    ts_jwt_policy_t  *policy;

    policy = &block->provider->policy;

    for (i = 1; i <= n; i++) {
        policy->audiences[policy->n_audiences++] = ts_slice(value[i].data,
                                                            value[i].len);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_algorithms(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t    i, j;
    ts_slice_t    names[TS_JWS_ALG_N];
    ts_jws_alg_e  alg;

    for (i = 1; i <= n; i++) {

        alg = ts_jws_alg(ts_slice(value[i].data, value[i].len));

        if (alg == TS_JWS_ALG_N) {

            for (j = 0; j < TS_JWS_ALG_N; j++) {
                names[j] = ts_jws_algs[j].name;
            }

            return ngx_http_tradesec_conf_unknown(cf, &value[i], names,
                                                  TS_JWS_ALG_N);
        }

        block->provider->policy.algs |= ts_jws_alg_bit(alg);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_file(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    if (block->file.len || block->provider->uri.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jwks_file\", \"pem_file\", \"secret_file\" and "
                           "\"jwks_uri\" exclude each other");
        return NGX_CONF_ERROR;
    }

    if (value[1].len == 0) {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    block->file = value[1];

    switch (value[0].data[0]) {
    case 'p':
        block->provider->form = NGX_HTTP_TRADESEC_JWT_KEYS_PEM;
        break;
    case 's':
        block->provider->form = NGX_HTTP_TRADESEC_JWT_KEYS_SECRET;
        break;
    default:
        block->provider->form = NGX_HTTP_TRADESEC_JWT_KEYS_JWKS;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_stale(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    if (ngx_strcmp(value[1].data, "refuse") == 0) {
        block->provider->refuse_stale = 1;

    } else if (ngx_strcmp(value[1].data, "accept") != 0) {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_leeway(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    return ngx_http_tradesec_jwt_seconds(cf, value, 0,
                                         &block->provider->policy.leeway);
}


static char *
ngx_http_tradesec_jwt_set_max_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    return ngx_http_tradesec_jwt_seconds(cf, value, 1,
                                         &block->provider->policy.max_lifetime);
}


static char *
ngx_http_tradesec_jwt_set_lifetime(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    return ngx_http_tradesec_jwt_seconds(cf, value, 1,
                                         &block->provider->policy.lifetime);
}


static char *
ngx_http_tradesec_jwt_seconds(ngx_conf_t *cf, ngx_str_t *value, time_t least,
    int64_t *field)
{
    time_t  seconds;

    seconds = ngx_parse_time(&value[1], 1);

    if (seconds == (time_t) NGX_ERROR || seconds < least) {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    *field = seconds;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_session_claim(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    if (!ngx_http_tradesec_conf_claim_pointer(cf,
                                             &block->provider->session_claim,
                                             &value[1]))
    {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    return NGX_CONF_OK;
}


/* type at+jwt;  type access claim=/token_use; */

static char *
ngx_http_tradesec_jwt_set_type(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t         claim;
    ts_jwt_policy_t  *policy;

    static const ts_slice_t  words[] = { ngx_http_tradesec_jwt_name("claim=") };

    policy = &block->provider->policy;

    if (value[1].len == 0) {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    policy->type = ts_slice(value[1].data, value[1].len);

    if (n == 1) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "claim=", 6) != 0) {
        return ngx_http_tradesec_conf_unknown(cf, &value[2], words, 1);
    }

    claim.data = value[2].data + 6;
    claim.len = value[2].len - 6;

    if (!ngx_http_tradesec_conf_claim_pointer(cf, &policy->type_claim, &claim))
    {
        return ngx_http_tradesec_jwt_invalid(cf, value + 1);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_user_claim(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    if (!ngx_http_tradesec_conf_claim_pointer(cf,
                                  &block->provider->values[0].claim,
                                  &value[1]))
    {
        return ngx_http_tradesec_jwt_invalid(cf, value);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_set_header(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t                         i;
    ngx_str_t                         *other;
    ts_slice_t                         name;
    ngx_http_tradesec_jwt_value_t     *header;
    ngx_http_tradesec_jwt_provider_t  *provider;

    provider = block->provider;
    name = ts_slice(value[1].data, value[1].len);

    if (!ngx_http_tradesec_jwt_may_be_header(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot be an identity header", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 1 + provider->n_own; i < provider->n_values; i++) {
        other = &provider->values[i].header.name;

        if (ts_header_same_name(name, ts_slice(other->data, other->len))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "header \"%V\" is duplicate", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (provider->n_values - provider->n_own
        == 1 + NGX_HTTP_TRADESEC_IDENTITY_HEADERS)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d headers in a provider",
                           NGX_HTTP_TRADESEC_IDENTITY_HEADERS);
        return NGX_CONF_ERROR;
    }

    header = &provider->values[provider->n_values++];

    if (ngx_http_tradesec_identity_name(cf, &header->header, &value[1])
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_conf_claim_pointer(cf, &header->claim, &value[2])) {
        return ngx_http_tradesec_jwt_invalid(cf, value + 1);
    }

    return NGX_CONF_OK;
}


/* Logs that the argument behind value[0] cannot be used. */

static char *
ngx_http_tradesec_jwt_invalid(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in \"%V\"",
                       &value[1], (ngx_str_t *) cf->args->elts);

    return NGX_CONF_ERROR;
}


/* Not one that means something to nginx or to HTTP itself. */

static ngx_flag_t
ngx_http_tradesec_jwt_may_be_header(ts_slice_t name)
{
    size_t  i;

    static const ts_slice_t  reserved[] = {
        ngx_http_tradesec_jwt_name("Authorization"),
        ngx_http_tradesec_jwt_name("Connection"),
        ngx_http_tradesec_jwt_name("Content-Length"),
        ngx_http_tradesec_jwt_name("Content-Type"),
        ngx_http_tradesec_jwt_name("Cookie"),
        ngx_http_tradesec_jwt_name("Expect"),
        ngx_http_tradesec_jwt_name("Host"),
        ngx_http_tradesec_jwt_name("Keep-Alive"),
        ngx_http_tradesec_jwt_name("Origin"),
        ngx_http_tradesec_jwt_name("TE"),
        ngx_http_tradesec_jwt_name("Trailer"),
        ngx_http_tradesec_jwt_name("Transfer-Encoding"),
        ngx_http_tradesec_jwt_name("Upgrade"),
    };

    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (ts_header_same_name(name, reserved[i])) {
            return 0;
        }
    }

    return ts_cookie_is_name(name);
}
