/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A signature costs more than all the rest of a request, and says the same for
 * every request with one token. So each worker remembers what it has signed,
 * by the name of the token, for half of its life: what goes out lives for the
 * other half at least, or as long as the token itself.
 *
 * The table has places for 4096 tokens; the one that would be renewed first
 * gives way. OpenSSL signs with the parsed key: libjwt reads its key at each
 * call.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "core/ts_base64url.h"
#include "guard/assertion/ngx_http_tradesec_assertion.h"
#include "guard/session/ngx_http_tradesec_session.h"


#define NGX_HTTP_TRADESEC_SIGNED_SETS  1024
#define NGX_HTTP_TRADESEC_SIGNED_WAYS  4


typedef struct {
    ts_token_tag_t     tag;
    time_t             made;
    time_t             renew;       /* 0: empty */
    ngx_str_t          text;        /* on the heap */
} ngx_http_tradesec_signed_slot_t;


struct ngx_http_tradesec_signed_s {
    u_char                           key[crypto_shorthash_siphashx24_KEYBYTES];
    ngx_http_tradesec_signed_slot_t  slots[NGX_HTTP_TRADESEC_SIGNED_SETS]
                                          [NGX_HTTP_TRADESEC_SIGNED_WAYS];
};


static ngx_int_t ngx_http_tradesec_assertion_tell(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_assertion_t *assertion);
static ngx_http_tradesec_signed_slot_t *ngx_http_tradesec_assertion_slot(
    const ngx_http_tradesec_assertion_t *assertion,
    const ngx_http_tradesec_jwt_state_t *state);
static ts_token_tag_t ngx_http_tradesec_assertion_tag(
    const ngx_http_tradesec_signed_t *memory,
    const ngx_http_tradesec_jwt_state_t *state);
static size_t ngx_http_tradesec_assertion_make(
    const ngx_http_tradesec_assertion_t *assertion,
    const ngx_http_tradesec_jwt_state_t *state, time_t expires);
static void ngx_http_tradesec_assertion_keep(
    ngx_http_tradesec_signed_slot_t *slot, ts_token_tag_t tag, time_t renew,
    size_t len);
static void ngx_http_tradesec_assertion_forget(void *data);


/* Room for the one that is being made: a worker makes one at a time. */

static ts_jwt_t  ngx_http_tradesec_assertion_token;
static u_char    ngx_http_tradesec_assertion_text[TS_ASSERTION_LEN];


ngx_int_t
ngx_http_tradesec_assertion_add(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_jwt_state_t *state)
{
    const ngx_http_tradesec_assertion_t  *assertion;

    assertion = ngx_http_tradesec_assertion_get(r);

    return assertion == NULL ? NGX_OK
           : ngx_http_tradesec_assertion_tell(r, ctx, state, assertion);
}


static ts_noinline ngx_int_t
ngx_http_tradesec_assertion_tell(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_assertion_t *assertion)
{
    size_t                                len;
    time_t                                expires, renew;
    ngx_str_t                             value;
    const ngx_http_tradesec_session_t    *session;
    ngx_http_tradesec_signed_slot_t      *slot;

    /* who has not shown the last factor is nobody yet */

    session = state->provider->session;

    if (session != NULL && session->partial == state->provider) {
        return NGX_OK;
    }

    slot = ngx_http_tradesec_assertion_slot(assertion, state);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    /* of a clock that was set back it would be valid in the future */

    if (slot->renew <= ngx_time() || slot->made > ngx_time()) {
        expires = ngx_time() + assertion->lifetime;
        renew = ngx_time() + (assertion->lifetime + 1) / 2;

        if (expires >= state->expires) {
            expires = state->expires;
            renew = expires;
        }

        len = ngx_http_tradesec_assertion_make(assertion, state, expires);

        if (len == 0) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "tradesec: the claims of \"tradesec_identity %V\" "
                          "make a token of more than %d bytes",
                          &assertion->name, TS_ASSERTION_LEN);
            return NGX_DECLINED;
        }

        ngx_http_tradesec_assertion_keep(slot,
                         ngx_http_tradesec_assertion_tag(*assertion->memory,
                                                         state),
                         renew, len);

        value.data = ngx_http_tradesec_assertion_text;
        value.len = len;

    } else {
        value = slot->text;
    }

    /* another request may take the place before this one ends */

    value.data = ngx_pstrdup(r->pool, &value);

    return value.data == NULL
           ? NGX_ERROR
           : ngx_http_tradesec_identity_add(r, ctx, &assertion->header,
                                            &value);
}


/* Where the token is, or will be: then renew is over. */

static ngx_http_tradesec_signed_slot_t *
ngx_http_tradesec_assertion_slot(
    const ngx_http_tradesec_assertion_t *assertion,
    const ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                        i;
    ts_token_tag_t                    tag;
    ngx_http_tradesec_signed_t       *memory;
    ngx_http_tradesec_signed_slot_t  *set, *slot;

    memory = *assertion->memory;

    if (memory == NULL) {
        memory = ngx_calloc(sizeof(ngx_http_tradesec_signed_t),
                            ngx_cycle->log);
        if (memory == NULL) {
            return NULL;
        }

        randombytes_buf(memory->key, sizeof(memory->key));
        *assertion->memory = memory;
    }

    tag = ngx_http_tradesec_assertion_tag(memory, state);
    set = memory->slots[tag.word[0] % NGX_HTTP_TRADESEC_SIGNED_SETS];
    slot = &set[0];

    for (i = 0; i < NGX_HTTP_TRADESEC_SIGNED_WAYS; i++) {

        if (set[i].tag.word[0] == tag.word[0]
            && set[i].tag.word[1] == tag.word[1])
        {
            return &set[i];
        }

        if (set[i].renew < slot->renew) {
            slot = &set[i];
        }
    }

    slot->renew = 0;

    return slot;
}


/* That of the cache of tokens, where there is one. */

static ts_token_tag_t
ngx_http_tradesec_assertion_tag(const ngx_http_tradesec_signed_t *memory,
    const ngx_http_tradesec_jwt_state_t *state)
{
    u_char                    hash[crypto_shorthash_siphashx24_BYTES];
    uintptr_t                 provider;
    ts_token_tag_t            tag;
    crypto_generichash_state  both;

    if (state->tag.word[0] || state->tag.word[1]) {
        return state->tag;
    }

    /* its address is its name in this worker */

    provider = (uintptr_t) state->provider;

    (void) crypto_generichash_init(&both, memory->key, sizeof(memory->key),
                                   sizeof(hash));
    (void) crypto_generichash_update(&both,
                                     (const u_char *) &provider,
                                     sizeof(provider));
    (void) crypto_generichash_update(&both, state->token.data,
                                     state->token.len);
    (void) crypto_generichash_final(&both, hash, sizeof(hash));

    ngx_memcpy(&tag, hash, sizeof(ts_token_tag_t));

    return tag;
}


static size_t
ngx_http_tradesec_assertion_make(
    const ngx_http_tradesec_assertion_t *assertion,
    const ngx_http_tradesec_jwt_state_t *state, time_t expires)
{
    u_char                  random[16], id[ts_base64url_encoded(16)];
    ngx_uint_t              i;
    ts_slice_t              raw;
    ts_jwt_t               *jwt;
    ts_assertion_t          a;
    const ts_json_token_t  *claim;

    jwt = &ngx_http_tradesec_assertion_token;

    if (!ts_jwt_reread(jwt, ts_slice(state->token.data, state->token.len))) {
        return 0;
    }

    randombytes_buf(random, sizeof(random));
    ts_base64url_encode(ts_slice(random, sizeof(random)), id);

    a.issuer = ts_slice(assertion->issuer.data, assertion->issuer.len);
    a.audience = ts_slice(assertion->audience.data, assertion->audience.len);
    a.subject = ts_slice(state->values[0].data, state->values[0].len);
    a.provider = ts_slice(state->provider->name.data,
                          state->provider->name.len);
    a.id = ts_slice(id, sizeof(id));
    a.issued = ngx_time();
    a.expires = expires;
    a.n = (uint32_t) assertion->n_claims;

    for (i = 0; i < assertion->n_claims; i++) {
        claim = ts_json_get(&jwt->claims, jwt->values, &assertion->claims[i]);

        a.claims[i].name = ts_slice(assertion->names[i].data,
                                    assertion->names[i].len);
        a.claims[i].json = ts_slice(NULL, 0);

        if (claim != NULL) {
            raw = ts_json_raw(&jwt->claims, claim);

            /* a string, with its quotes */

            if (claim->type == TS_JSON_STRING) {
                raw.data--;
                raw.len += 2;
            }

            a.claims[i].json = raw;
        }
    }

    return ts_assertion_sign(&assertion->keys[0], &a,
                             ngx_http_tradesec_assertion_text,
                             sizeof(ngx_http_tradesec_assertion_text));
}


/* Without memory for it, it is signed again. */

static void
ngx_http_tradesec_assertion_keep(ngx_http_tradesec_signed_slot_t *slot,
    ts_token_tag_t tag, time_t renew, size_t len)
{
    u_char  *p;

    p = ngx_alloc(len, ngx_cycle->log);

    if (slot->text.data != NULL) {
        ngx_free(slot->text.data);
    }

    slot->text.data = p;
    slot->text.len = len;
    slot->tag = tag;
    slot->made = ngx_time();
    slot->renew = 0;

    if (p != NULL) {
        ngx_memcpy(p, ngx_http_tradesec_assertion_text, len);
        slot->renew = renew;
    }
}


ngx_int_t
ngx_http_tradesec_assertion_memory(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(void *));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    assertion->memory = cln->data;
    *assertion->memory = NULL;

    cln->handler = ngx_http_tradesec_assertion_forget;

    return NGX_OK;
}


static void
ngx_http_tradesec_assertion_forget(void *data)
{
    ngx_uint_t                        i;
    ngx_http_tradesec_signed_t       *memory;
    ngx_http_tradesec_signed_slot_t  *slot;

    memory = *(ngx_http_tradesec_signed_t **) data;

    if (memory == NULL) {
        return;
    }

    slot = &memory->slots[0][0];

    for (i = 0; i < NGX_HTTP_TRADESEC_SIGNED_SETS
                    * NGX_HTTP_TRADESEC_SIGNED_WAYS; i++)
    {
        if (slot[i].text.data != NULL) {
            ngx_free(slot[i].text.data);
        }
    }

    ngx_free(memory);
}
