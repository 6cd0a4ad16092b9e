/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The judgement of one token by one provider: remembered, or made anew.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"


/* The longest claim, and all that one token passes on. */

#define NGX_HTTP_TRADESEC_JWT_CLAIM_LEN   1024
#define NGX_HTTP_TRADESEC_JWT_PACKED_LEN  4096

/* What rules read; more than any token has, unless claims overlap. */

#define NGX_HTTP_TRADESEC_JWT_CLAIMS_LEN  16384


/*
 * The values of a provider in its order, as the cache keeps them: for each
 * its length in two bytes, 0 for a claim that is not there, and its text.
 * Behind them the claims that rules read, as in core/ts_claims.h.
 */

typedef struct {
    size_t    len;
    u_char    data[NGX_HTTP_TRADESEC_JWT_PACKED_LEN
                   + NGX_HTTP_TRADESEC_JWT_CLAIMS_LEN];
} ngx_http_tradesec_jwt_packed_t;


static ts_reason_e ngx_http_tradesec_jwt_recall(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider,
    ngx_http_tradesec_jwt_state_t *state, const ts_token_entry_t *entry);
static void ngx_http_tradesec_jwt_name(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state);
static void ngx_http_tradesec_jwt_remember(
    const ngx_http_tradesec_token_cache_t *cache, ts_token_tag_t tag,
    const ngx_http_tradesec_jwt_state_t *state);
static ts_reason_e ngx_http_tradesec_jwt_read_values(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state);
static ngx_int_t ngx_http_tradesec_jwt_pack(ngx_uint_t i,
    const ts_json_pointer_t *claim);
static ngx_int_t ngx_http_tradesec_jwt_pack_claims(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_jwt_unpack(
    ngx_http_tradesec_jwt_state_t *state, const u_char *data, size_t len);


/*
 * Room for the token that is being read: a worker reads one at a time, and
 * nothing in here outlives the call.
 */

static ts_jwt_t                        ngx_http_tradesec_jwt_work;
static ngx_http_tradesec_jwt_packed_t  ngx_http_tradesec_jwt_packed;


/* A claim as the name of a revocation; 0: the token has none. */

static uint64_t
ngx_http_tradesec_jwt_claim_name(ngx_http_tradesec_revocations_store_t *store,
    uint64_t issuer, ts_revoked_e kind, const ts_json_pointer_t *claim,
    const ts_jwt_t *jwt)
{
    ts_slice_t  text;
    uint8_t     buf[NGX_HTTP_TRADESEC_JWT_CLAIM_LEN];

    return ts_jwt_claim(jwt, claim, buf, sizeof(buf), &text) == TS_JWT_CLAIM_OK
           ? ngx_http_tradesec_revocations_name(store, kind, issuer,
                                                (u_char *) text.data,
                                                text.len)
           : 0;
}


/*
 * A token by its id; without one, by what is signed. Not by the signature: of
 * some algorithms one token has several.
 */

static uint64_t
ngx_http_tradesec_jwt_token_name(ngx_http_tradesec_revocations_store_t *store,
    uint64_t issuer, const ts_jwt_t *jwt)
{
    uint64_t  name;

    static const ts_json_pointer_t  jti = {
        1, { { (const uint8_t *) "jti", 3 } }
    };

    name = ngx_http_tradesec_jwt_claim_name(store, issuer, TS_REVOKED_TOKEN,
                                            &jti, jwt);

    return name != 0
           ? name
           : ngx_http_tradesec_revocations_name(store, TS_REVOKED_TOKEN,
                                                0, jwt->jws.input.data,
                                                jwt->jws.input.len);
}


ts_reason_e
ngx_http_tradesec_jwt_verify(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider,
    ngx_http_tradesec_jwt_state_t *state)
{
    ts_slice_t                              token;
    ts_reason_e                             reason;
    ts_token_entry_t                        entry;
    const ngx_http_tradesec_jwt_keys_t     *keys;
    const ngx_http_tradesec_token_cache_t  *cache;

    token = ts_slice(state->token.data, state->token.len);

    if (token.len > TS_JWS_LEN) {
        return TS_REASON_JWT_TOO_LONG;
    }

    ngx_memzero(&state->tag, sizeof(ts_token_tag_t));
    cache = ngx_http_tradesec_jwt_get_cache(r);
    keys = ngx_http_tradesec_jwt_keys(provider);

    if (cache != NULL) {
        state->tag = ngx_http_tradesec_token_tag(cache, keys->salt,
                                                 token.data, token.len);

        if (ngx_http_tradesec_token_cache_get(cache, state->tag, &entry)) {
            reason = ngx_http_tradesec_jwt_recall(r, provider, state, &entry);

            return reason == TS_REASON_NONE
                   ? ngx_http_tradesec_jwt_revoked(r, state) : reason;
        }
    }

    reason = ts_jwt_check(&ngx_http_tradesec_jwt_work, token,
                          &provider->policy, keys->jwks, ngx_time());
    if (reason != TS_REASON_NONE) {
        return reason;
    }

    state->provider = provider;
    state->expires = ngx_http_tradesec_jwt_work.expires;
    state->not_before = ngx_http_tradesec_jwt_work.not_before;

    reason = ngx_http_tradesec_jwt_read_values(r, state);

    if (reason != TS_REASON_NONE) {
        return reason;
    }

    ngx_http_tradesec_jwt_name(r, state);

    if (cache != NULL) {
        ngx_http_tradesec_jwt_remember(cache, state->tag, state);
    }

    return ngx_http_tradesec_jwt_revoked(r, state);
}


ngx_flag_t
ngx_http_tradesec_jwt_look(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider, ts_slice_t token,
    const ngx_str_t *user, uint64_t *name, time_t *expires)
{
    uint8_t     buf[NGX_HTTP_TRADESEC_JWT_CLAIM_LEN];
    ts_jwt_t   *jwt;
    ts_slice_t  text;

    jwt = &ngx_http_tradesec_jwt_work;

    if (token.len > TS_JWS_LEN
        || ts_jwt_check(jwt, token, &provider->policy,
                        ngx_http_tradesec_jwt_keys(provider)->jwks,
                        ngx_time())
           != TS_REASON_NONE
        || ts_jwt_user(jwt, &provider->values[0].claim, buf, sizeof(buf),
                       &text)
           != TS_JWT_CLAIM_OK
        || !ts_slice_eq(text, ts_slice(user->data, user->len)))
    {
        return 0;
    }

    *name = ngx_http_tradesec_jwt_token_name(
                                       ngx_http_tradesec_revocations_get(r),
                                       provider->issuer, jwt);
    *expires = jwt->expires;

    return 1;
}


/* What the token that was read last can be revoked by. */

static void
ngx_http_tradesec_jwt_name(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state)
{
    uint64_t                                issuer;
    ngx_http_tradesec_revocations_store_t  *store;

    ngx_memzero(&state->subject, sizeof(ts_revocation_subject_t));

    store = ngx_http_tradesec_revocations_get(r);

    if (store == NULL) {
        return;
    }

    issuer = state->provider->issuer;

    state->subject.issued = ngx_http_tradesec_jwt_work.issued;
    state->subject.token = ngx_http_tradesec_jwt_token_name(store, issuer,
                                                &ngx_http_tradesec_jwt_work);
    state->subject.session = ngx_http_tradesec_jwt_claim_name(store, issuer,
                                                TS_REVOKED_SESSION,
                                                &state->provider->session_claim,
                                                &ngx_http_tradesec_jwt_work);
    state->subject.user = ngx_http_tradesec_revocations_name(store,
                                                TS_REVOKED_USER, issuer,
                                                state->values[0].data,
                                                state->values[0].len);
    state->subject.all = ts_revocation_key(TS_REVOKED_ALL, issuer);
}


static ts_reason_e
ngx_http_tradesec_jwt_recall(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider,
    ngx_http_tradesec_jwt_state_t *state, const ts_token_entry_t *entry)
{
    ts_reason_e  reason;

    reason = ts_jwt_times(entry->expires, entry->not_before, ngx_time());
    if (reason != TS_REASON_NONE) {
        return reason;
    }

    state->provider = provider;
    state->expires = entry->expires;
    state->not_before = entry->not_before;

    state->subject.issued = entry->issued;
    state->subject.token = entry->token;
    state->subject.session = entry->session;
    state->subject.user = entry->user;
    state->subject.all = ts_revocation_key(TS_REVOKED_ALL, provider->issuer);

    if (entry->len != 0) {
        return ngx_http_tradesec_jwt_unpack(state, entry->values,
                                            entry->len) == NGX_OK
               ? TS_REASON_NONE : TS_REASON_INTERNAL_ERROR;
    }

    /* verified, but its values did not fit the cache */

    if (!ts_jwt_reread(&ngx_http_tradesec_jwt_work,
                       ts_slice(state->token.data, state->token.len)))
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    return ngx_http_tradesec_jwt_read_values(r, state);
}


/* What was packed last are this token's values. */

static void
ngx_http_tradesec_jwt_remember(const ngx_http_tradesec_token_cache_t *cache,
    ts_token_tag_t tag, const ngx_http_tradesec_jwt_state_t *state)
{
    ts_token_entry_t                       entry;
    const ngx_http_tradesec_jwt_packed_t  *packed;

    packed = &ngx_http_tradesec_jwt_packed;

    entry.expires = state->expires;
    entry.not_before = state->not_before;
    entry.issued = state->subject.issued;
    entry.token = state->subject.token;
    entry.session = state->subject.session;
    entry.user = state->subject.user;
    entry.len = 0;

    if (packed->len <= sizeof(entry.values)) {
        entry.len = packed->len;
        ngx_memcpy(entry.values, packed->data, packed->len);
    }

    ngx_http_tradesec_token_cache_put(cache, tag, &entry);
}


/* The values of the token that was read last. */

static ts_reason_e
ngx_http_tradesec_jwt_read_values(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                               i;
    ngx_http_tradesec_jwt_packed_t          *packed;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    packed = &ngx_http_tradesec_jwt_packed;
    provider = state->provider;

    packed->len = 0;

    for (i = 0; i < provider->n_values; i++) {
        if (ngx_http_tradesec_jwt_pack(i, &provider->values[i].claim)
            != NGX_OK)
        {
            return TS_REASON_JWT_IDENTITY;
        }
    }

    if (ngx_http_tradesec_jwt_pack_claims(r) != NGX_OK) {
        return TS_REASON_JWT_IDENTITY;
    }

    return ngx_http_tradesec_jwt_unpack(state, packed->data, packed->len)
           == NGX_OK
           ? TS_REASON_NONE : TS_REASON_INTERNAL_ERROR;
}


static ngx_int_t
ngx_http_tradesec_jwt_pack(ngx_uint_t i, const ts_json_pointer_t *claim)
{
    u_char                          *p;
    size_t                           left;
    ts_slice_t                       text;
    ts_jwt_claim_e                   rc;
    ngx_http_tradesec_jwt_packed_t  *packed;

    packed = &ngx_http_tradesec_jwt_packed;

    p = packed->data + packed->len;
    if (packed->len + 2 > NGX_HTTP_TRADESEC_JWT_PACKED_LEN) {
        return NGX_ERROR;
    }

    left = NGX_HTTP_TRADESEC_JWT_PACKED_LEN - packed->len;

    left = ngx_min(left - 2, NGX_HTTP_TRADESEC_JWT_CLAIM_LEN);

    rc = (i == 0)
         ? ts_jwt_user(&ngx_http_tradesec_jwt_work, claim, p + 2, left, &text)
         : ts_jwt_claim(&ngx_http_tradesec_jwt_work, claim, p + 2, left,
                        &text);

    if (rc == TS_JWT_CLAIM_NONE && i != 0) {
        text.len = 0;

    } else if (rc != TS_JWT_CLAIM_OK) {
        return NGX_ERROR;
    }

    p[0] = (u_char) (text.len >> 8);
    p[1] = (u_char) text.len;

    packed->len += 2 + text.len;

    return NGX_OK;
}


/* A claim must not seem to be missing because it had no place. */

static ngx_int_t
ngx_http_tradesec_jwt_pack_claims(ngx_http_request_t *r)
{
    ngx_uint_t                         i;
    const ts_jwt_t                    *jwt;
    ts_claims_t                        claims;
    ngx_http_tradesec_jwt_packed_t    *packed;
    const ngx_http_tradesec_claims_t  *read;

    jwt = &ngx_http_tradesec_jwt_work;
    packed = &ngx_http_tradesec_jwt_packed;
    read = ngx_http_tradesec_get_claims(r);

    claims.data = packed->data + packed->len;
    claims.size = sizeof(packed->data) - packed->len;
    claims.len = 0;

    for (i = 0; i < read->n; i++) {
        if (!ts_claims_add(&claims, (uint8_t) i, &jwt->claims,
                           ts_json_get(&jwt->claims, jwt->values,
                                       &read->pointers[i])))
        {
            return NGX_ERROR;
        }
    }

    packed->len += claims.len;

    return NGX_OK;
}


/* Copies the values to the state. */

static ngx_int_t
ngx_http_tradesec_jwt_unpack(ngx_http_tradesec_jwt_state_t *state,
    const u_char *data, size_t len)
{
    u_char      *p, *end;
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    n = state->provider->n_values;

    state->values = ngx_palloc(state->pool, n * sizeof(ngx_str_t) + len);
    if (state->values == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) (state->values + n);
    end = ngx_cpymem(p, data, len);

    for (i = 0; i < n; i++) {
        value = &state->values[i];

        if (end - p < 2) {
            return NGX_ERROR;
        }

        value->len = (size_t) p[0] << 8 | p[1];
        value->data = p + 2;

        if (value->len > (size_t) (end - value->data)) {
            return NGX_ERROR;
        }

        p = value->data + value->len;
    }

    state->claims = ts_slice(p, (size_t) (end - p));

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_jwt_get_claim(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state, const ngx_str_t *name,
    ngx_str_t *value)
{
    u_char             *p;
    ts_slice_t          text;
    ts_json_pointer_t   claim;

    if (!ts_jwt_reread(&ngx_http_tradesec_jwt_work,
                       ts_slice(state->token.data, state->token.len)))
    {
        return NGX_DECLINED;
    }

    claim.n = 1;
    claim.names[0] = ts_slice(name->data, name->len);

    p = ngx_http_tradesec_jwt_packed.data;

    if (ts_jwt_claim(&ngx_http_tradesec_jwt_work, &claim, p,
                     NGX_HTTP_TRADESEC_JWT_CLAIM_LEN, &text)
        != TS_JWT_CLAIM_OK)
    {
        return NGX_DECLINED;
    }

    value->len = text.len;
    value->data = ngx_pnalloc(r->pool, text.len);

    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, text.data, text.len);

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_jwt_claim_values(ngx_http_request_t *r,
    const ts_json_pointer_t *claim, ngx_array_t *values)
{
    u_char                               *p;
    uint32_t                              n;
    ts_slice_t                            text, *value;
    ts_jwt_claim_e                        rc;
    const ngx_http_tradesec_jwt_state_t  *state;

    state = ngx_http_tradesec_jwt_get_state(r);

    if (state == NULL
        || !ts_jwt_reread(&ngx_http_tradesec_jwt_work,
                          ts_slice(state->token.data, state->token.len)))
    {
        return NGX_ERROR;
    }

    for (n = 0; /* void */ ; n++) {
        rc = ts_jwt_claim_value(&ngx_http_tradesec_jwt_work, claim, n,
                                ngx_http_tradesec_jwt_packed.data,
                                NGX_HTTP_TRADESEC_JWT_CLAIM_LEN, &text);

        if (rc == TS_JWT_CLAIM_NONE) {
            return NGX_OK;
        }

        if (rc != TS_JWT_CLAIM_OK) {
            /* an array with anything else in it is no list of owners */
            values->nelts -= n;
            return NGX_OK;
        }

        value = ngx_array_push(values);
        p = ngx_pnalloc(state->pool, text.len);

        if (value == NULL || p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, text.data, text.len);
        *value = ts_slice(p, text.len);
    }
}
