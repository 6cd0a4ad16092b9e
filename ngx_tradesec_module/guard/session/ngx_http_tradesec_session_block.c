/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The block tradesec_session, and the two providers that it makes.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_word.h"
#include "guard/jwt/ngx_http_tradesec_jwt_options.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "request/ngx_http_tradesec_conf.h"


/* A session while its block is read. */

typedef struct {
    ngx_http_tradesec_session_t          *session;
    ngx_http_tradesec_jwt_block_t         block;        /* of its provider */
} ngx_http_tradesec_session_block_t;


static char *ngx_http_tradesec_session_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_tradesec_session_name_cookie(ngx_conf_t *cf,
    ngx_str_t *cookie, ngx_str_t *value, const char *prefix);
static char *ngx_http_tradesec_session_same_site(ngx_conf_t *cf,
    ngx_str_t *same_site, ngx_str_t *value);
static char *ngx_http_tradesec_session_time(ngx_conf_t *cf, time_t *seconds,
    ngx_str_t *value);
static char *ngx_http_tradesec_session_finish(ngx_conf_t *cf,
    ngx_http_tradesec_session_block_t *sb);
static ngx_int_t ngx_http_tradesec_session_provider(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_http_tradesec_session_t *session,
    const char *suffix, ts_slice_t type);
static ngx_int_t ngx_http_tradesec_session_key(
    ngx_http_tradesec_session_t *session);
static ts_reason_e ngx_http_tradesec_session_accept(ngx_http_request_t *r,
    const void *data, const ngx_str_t *values);


/* Indexed by ngx_http_tradesec_session_value_e, without the user. */

static const ts_slice_t  ngx_http_tradesec_session_claims[] = {
    { (const uint8_t *) "app", 3 },
    { (const uint8_t *) "old", 3 },
    { (const uint8_t *) "old_until", 9 },
    { (const uint8_t *) "end", 3 },
    { (const uint8_t *) "sid", 3 },
    { (const uint8_t *) "amr", 3 },
    { (const uint8_t *) "iat", 3 },
    { (const uint8_t *) "auth_time", 9 },
};


/* The name stands in tokens and in the name of a cookie. */

static ngx_flag_t
ngx_http_tradesec_session_is_name(const ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
              || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return name->len > 0 && name->len <= TS_SESSION_ISSUER_LEN;
}


char *
ngx_http_tradesec_session(ngx_conf_t *cf, ngx_array_t *sessions)
{
    char                                *rv;
    ngx_str_t                           *value;
    ngx_conf_t                           save;
    ngx_http_tradesec_session_t        **slot;
    ngx_http_tradesec_session_block_t    sb;

    value = cf->args->elts;

    if (!ngx_http_tradesec_session_is_name(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid session name \"%V\", up to 64 letters, "
                           "digits, \"_\" and \"-\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_tradesec_jwt_find_provider(cf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate provider \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&sb, sizeof(ngx_http_tradesec_session_block_t));

    sb.session = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_session_t));
    slot = ngx_array_push(sessions);

    if (sb.session == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = sb.session;

    sb.session->name = value[1];

    if (ngx_http_tradesec_session_provider(cf, &sb.block, sb.session, "",
                                           TS_SLICE(TS_SESSION_TYP))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_tradesec_session_line;
    cf->handler_conf = (void *) &sb;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_tradesec_session_finish(cf, &sb)
                             : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_session_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_tradesec_session_block_t *sb = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_tradesec_session_t  *session;

    static const ts_slice_t  names[] = {
        { (const uint8_t *) "secret_file", 11 },
        { (const uint8_t *) "app_cookie", 10 },
        { (const uint8_t *) "cookie", 6 },
        { (const uint8_t *) "samesite", 8 },
        { (const uint8_t *) "lifetime", 8 },
        { (const uint8_t *) "idle", 4 },
        { (const uint8_t *) "pending", 7 },
        { (const uint8_t *) "grace", 5 },
        { (const uint8_t *) "header", 6 },
        { (const uint8_t *) "revocations_stale", 17 },
    };

    value = cf->args->elts;
    session = sb->session;

    i = ts_word_find(ts_slice(value[0].data, value[0].len), names,
                     sizeof(names) / sizeof(names[0]));

    if (i == sizeof(names) / sizeof(names[0])) {
        return ngx_http_tradesec_conf_unknown_line(cf, "tradesec_session",
                                                   names, i);
    }

    /* these are those of a provider */

    if (i == 0 || i >= 8) {
        return ngx_http_tradesec_jwt_option(cf, NULL, &sb->block);
    }

    if (cf->args->nelts != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    switch (i) {

    case 1:
        return ngx_http_tradesec_session_name_cookie(cf, &session->app_cookie,
                                                     value, "");

    case 2:
        return ngx_http_tradesec_session_name_cookie(cf, &session->cookie,
                                                     value, "__Host-");

    case 3:
        return ngx_http_tradesec_session_same_site(cf, &session->same_site,
                                                   value);

    case 4:
        return ngx_http_tradesec_session_time(cf, &session->lifetime, value);

    case 5:
        return ngx_http_tradesec_session_time(cf, &session->idle, value);

    case 6:
        return ngx_http_tradesec_session_time(cf, &session->pending, value);

    default:
        return ngx_http_tradesec_session_time(cf, &session->grace, value);
    }
}


static char *
ngx_http_tradesec_session_name_cookie(ngx_conf_t *cf, ngx_str_t *cookie,
    ngx_str_t *value, const char *prefix)
{
    if (cookie->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is duplicate",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (!ts_cookie_is_name(ts_slice(value[1].data, value[1].len))
        || ngx_strncmp(value[1].data, prefix, ngx_strlen(prefix)) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\"%s%s%s", &value[1],
                           &value[0], *prefix ? ", it must begin with \"" : "",
                           prefix, *prefix ? "\"" : "");
        return NGX_CONF_ERROR;
    }

    *cookie = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_same_site(ngx_conf_t *cf, ngx_str_t *same_site,
    ngx_str_t *value)
{
    if (same_site->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is duplicate",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "strict") == 0) {
        ngx_str_set(same_site, "Strict");

    } else if (ngx_strcasecmp(value[1].data, (u_char *) "lax") == 0) {
        ngx_str_set(same_site, "Lax");

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\"", &value[1],
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_time(ngx_conf_t *cf, time_t *seconds,
    ngx_str_t *value)
{
    if (*seconds) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is duplicate",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    *seconds = ngx_parse_time(&value[1], 1);

    if (*seconds == (time_t) NGX_ERROR || *seconds == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\"", &value[1],
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_finish(ngx_conf_t *cf,
    ngx_http_tradesec_session_block_t *sb)
{
    ngx_http_tradesec_session_t    *session;
    ngx_http_tradesec_jwt_block_t   partial;

    session = sb->session;

    if (sb->block.file.len == 0 || session->app_cookie.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "session \"%V\" must have \"%s\"", &session->name,
                           sb->block.file.len ? "app_cookie" : "secret_file");
        return NGX_CONF_ERROR;
    }

    if (session->same_site.len == 0) {
        ngx_str_set(&session->same_site, "Lax");
    }

    if (session->cookie.len == 0) {
        session->cookie.len = sizeof("__Host-") - 1 + session->name.len;
        session->cookie.data = ngx_pnalloc(cf->pool, session->cookie.len);

        if (session->cookie.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_sprintf(session->cookie.data, "__Host-%V", &session->name);
    }

    session->lifetime = session->lifetime ? session->lifetime : 12 * 3600;
    session->pending = session->pending ? session->pending : 10 * 60;
    session->grace = session->grace ? session->grace : 10;

    if (ngx_http_tradesec_session_provider(cf, &partial, session, ":pending",
                                           TS_SLICE(TS_SESSION_TYP_PENDING))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    partial.file = sb->block.file;

    session->full = sb->block.provider;
    session->partial = partial.provider;
    session->partial->refuse_stale = session->full->refuse_stale;

    /* for a revocation: a factor may be shown late, and time begins then */

    session->full->policy.max_lifetime = session->lifetime + session->pending;
    session->partial->policy.max_lifetime = session->lifetime
                                            + session->pending;

    session->full->cookie = session->cookie;
    session->partial->cookie = session->cookie;
    session->full->bound = session->lifetime;
    session->partial->bound = session->pending;

    if (ngx_http_tradesec_jwt_add_block(cf, &sb->block) != NGX_CONF_OK
        || ngx_http_tradesec_jwt_add_block(cf, &partial) != NGX_CONF_OK
        || ngx_http_tradesec_session_key(session) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What verifies the tokens of a session, all but the secret. */

static ngx_int_t
ngx_http_tradesec_session_provider(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_http_tradesec_session_t *session,
    const char *suffix, ts_slice_t type)
{
    ngx_str_t                          text;
    ngx_uint_t                         i;
    ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_jwt_provider_t));
    if (provider == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(block, sizeof(ngx_http_tradesec_jwt_block_t));

    block->provider = provider;
    provider->form = NGX_HTTP_TRADESEC_JWT_KEYS_SECRET;

    /* tokens are signed with it too, and other hashes are made of it */
    block->still = 1;

    provider->name.len = session->name.len + ngx_strlen(suffix);
    provider->name.data = ngx_pnalloc(cf->pool, provider->name.len + 1);

    if (provider->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(provider->name.data, "%V%s%Z", &session->name, suffix);

    provider->policy.algs = ts_jws_alg_bit(TS_JWS_ALG_HS256);
    provider->policy.issuer = ts_slice(session->name.data, session->name.len);
    provider->policy.type = type;

    provider->session = session;
    provider->accept = ngx_http_tradesec_session_accept;
    provider->end = NGX_HTTP_TRADESEC_SESSION_END;

    provider->n_own = NGX_HTTP_TRADESEC_SESSION_VALUES - 1;
    provider->n_values = NGX_HTTP_TRADESEC_SESSION_VALUES;

    for (i = 1; i < NGX_HTTP_TRADESEC_SESSION_VALUES; i++) {
        provider->values[i].claim.n = 1;
        provider->values[i].claim.names[0] =
                                       ngx_http_tradesec_session_claims[i - 1];
    }

    (void) crypto_generichash_init(&block->hash, NULL, 0,
                                   crypto_generichash_BYTES);

    ngx_http_tradesec_jwt_hash(block, &provider->name);

    text.data = (u_char *) type.data;
    text.len = type.len;
    ngx_http_tradesec_jwt_hash(block, &text);

    return NGX_OK;
}


/* The key for the app's cookie is derived from the one that signs. */

static ngx_int_t
ngx_http_tradesec_session_key(ngx_http_tradesec_session_t *session)
{
    u_char        mac[32];
    size_t        len;
    EVP_MAC_CTX  *hmac;

    static const u_char  purpose[] = "hash of the app's cookie";

    hmac = session->full->jwks->keys[0].verifier[TS_JWS_ALG_HS256].hmac;

    if (EVP_MAC_init(hmac, NULL, 0, NULL) != 1
        || EVP_MAC_update(hmac, purpose, sizeof(purpose) - 1) != 1
        || EVP_MAC_final(hmac, mac, &len, sizeof(mac)) != 1)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(session->key, mac, sizeof(session->key));

    return NGX_OK;
}


/* Neither the token nor the app's cookie counts without the other. */

static ts_reason_e
ngx_http_tradesec_session_accept(ngx_http_request_t *r, const void *data,
    const ngx_str_t *values)
{
    const ngx_http_tradesec_session_t *session = data;

    u_char            hash[TS_SESSION_HASH];
    ts_cookie_t       cookie;
    const ngx_str_t  *app, *old, *until;

    switch (ngx_http_tradesec_session_request(r, session, &cookie, hash)) {

    case TS_COOKIE_FOUND:
        break;

    case TS_COOKIE_NONE:
        return TS_REASON_SESSION_UNBOUND;

    default:
        return TS_REASON_JWT_AMBIGUOUS;
    }

    app = &values[NGX_HTTP_TRADESEC_SESSION_APP];
    old = &values[NGX_HTTP_TRADESEC_SESSION_OLD];
    until = &values[NGX_HTTP_TRADESEC_SESSION_OLD_UNTIL];

    return ts_session_bound(ts_slice(app->data, app->len),
                            ts_slice(old->data, old->len),
                            ts_session_seconds(ts_slice(until->data,
                                                        until->len)),
                            hash, ngx_time())
           ? TS_REASON_NONE : TS_REASON_SESSION_UNBOUND;
}
