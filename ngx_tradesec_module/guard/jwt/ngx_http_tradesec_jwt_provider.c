/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The block tradesec_jwt_provider.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_options.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "store/ngx_http_tradesec_zone.h"


static void ngx_http_tradesec_jwt_name_issuer(
    ngx_http_tradesec_jwt_provider_t *provider);
static char *ngx_http_tradesec_jwt_finish(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block);
static char *ngx_http_tradesec_jwt_finish_keys(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block);
static void ngx_http_tradesec_jwt_name_keys(
    ngx_http_tradesec_jwt_provider_t *provider);


const ngx_http_tradesec_jwt_provider_t *
ngx_http_tradesec_jwt_find_provider(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                               i;
    ngx_http_tradesec_jwt_provider_t       **provider;
    ngx_http_tradesec_jwt_main_conf_t   *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_tradesec_jwt_module);
    provider = jmcf->providers.elts;

    for (i = 0; i < jmcf->providers.nelts; i++) {
        if (provider[i]->name.len == name->len
            && ngx_strncmp(provider[i]->name.data, name->data, name->len) == 0)
        {
            return provider[i];
        }
    }

    return NULL;
}


const ngx_http_tradesec_jwt_provider_t *
ngx_http_tradesec_jwt_known_provider(ngx_conf_t *cf, const ngx_str_t *name)
{
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ngx_http_tradesec_jwt_find_provider(cf, name);

    if (provider == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown provider \"%V\": there is no "
                           "\"tradesec_jwt_provider %V\" before this line",
                           name, name);
    }

    return provider;
}


char *
ngx_http_tradesec_jwt_provider_cookie(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_provider_t *provider, ngx_str_t *cookie)
{
    if (provider->cookie.len == 0) {
        return NGX_CONF_OK;
    }

    if (cookie->len == 0) {
        *cookie = provider->cookie;
    }

    if (cookie->len != provider->cookie.len
        || ngx_strncmp(cookie->data, provider->cookie.data, cookie->len) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_jwt\" takes tokens from the cookie "
                           "\"%V\", those of \"%V\" come in \"%V\"",
                           cookie, &provider->name, &provider->cookie);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_tradesec_jwt_seal_providers(ngx_conf_t *cf,
    const ngx_array_t *providers)
{
    u_char                                  digest[crypto_generichash_BYTES];
    ngx_flag_t                              fetches;
    ngx_uint_t                              i, j;
    const u_char                           *key;
    crypto_generichash_state                hash;
    const ts_json_pointer_t                *claim;
    const ngx_http_tradesec_claims_t       *claims;
    ngx_http_tradesec_jwt_provider_t      **provider;

    fetches = 0;
    provider = providers->elts;

    (void) crypto_generichash_init(&hash, NULL, 0, sizeof(digest));

    claims = ngx_http_tradesec_conf_claims(cf);

    for (i = 0; i < claims->n; i++) {
        claim = &claims->pointers[i];

        (void) crypto_generichash_update(&hash, (u_char *) &claim->n,
                                         sizeof(claim->n));

        for (j = 0; j < claim->n; j++) {
            (void) crypto_generichash_update(&hash,
                                             (u_char *) &claim->names[j].len,
                                             sizeof(claim->names[j].len));
            (void) crypto_generichash_update(&hash, claim->names[j].data,
                                             claim->names[j].len);
        }
    }

    /* and so are the names by which they are revoked */

    key = ngx_http_tradesec_revocations_shared_key(cf);

    if (key != NULL) {
        (void) crypto_generichash_update(&hash, key,
                                         NGX_HTTP_TRADESEC_ZONE_KEY_LEN);
    }

    (void) crypto_generichash_final(&hash, digest, sizeof(digest));

    for (i = 0; i < providers->nelts; i++) {
        provider[i]->salt = ngx_http_tradesec_token_salt_add(provider[i]->salt,
                                                     digest, sizeof(digest));
        ngx_http_tradesec_jwt_ring_seal(provider[i]->ring);
        fetches |= provider[i]->uri.len != 0;
    }

    return fetches ? ngx_http_tradesec_jwt_init_fetch(cf) : NGX_OK;
}


ngx_http_tradesec_jwt_provider_t *const *
ngx_http_tradesec_jwt_providers(ngx_http_request_t *r, ngx_uint_t *n)
{
    const ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r,
                                       ngx_http_tradesec_jwt_module);
    *n = jmcf->providers.nelts;

    return jmcf->providers.elts;
}


ngx_flag_t
ngx_http_tradesec_jwt_is_bounded(
    const ngx_http_tradesec_jwt_provider_t *provider)
{
    return provider->policy.max_lifetime || provider->policy.lifetime
           || provider->bound;
}


/* Providers of one issuer accept each other's tokens: the longest counts. */

void
ngx_http_tradesec_jwt_bound_providers(const ngx_array_t *providers)
{
    time_t                                  longest;
    ngx_uint_t                              i, j;
    const ts_jwt_policy_t                  *policy;
    ngx_http_tradesec_jwt_provider_t      **provider;

    provider = providers->elts;

    for (i = 0; i < providers->nelts; i++) {
        longest = 0;

        for (j = 0; j < providers->nelts; j++) {

            if (provider[j]->issuer != provider[i]->issuer) {
                continue;
            }

            if (!ngx_http_tradesec_jwt_is_bounded(provider[j])) {
                longest = 0;
                break;
            }

            policy = &provider[j]->policy;
            longest = ngx_max(longest,
                              ngx_max(ngx_max(policy->max_lifetime,
                                              policy->lifetime),
                                      provider[j]->bound)
                              + policy->leeway);
        }

        provider[i]->longest = longest;
    }
}


char *
ngx_http_tradesec_jwt_provider(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                           *rv;
    ngx_str_t                      *value;
    ngx_conf_t                      save;
    ngx_http_tradesec_jwt_block_t   block;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strlchr(value[1].data, value[1].data
                                         + value[1].len, '=') != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid provider name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_tradesec_jwt_find_provider(cf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate provider \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&block, sizeof(ngx_http_tradesec_jwt_block_t));

    block.provider = ngx_pcalloc(cf->pool,
                                 sizeof(ngx_http_tradesec_jwt_provider_t));
    if (block.provider == NULL) {
        return NGX_CONF_ERROR;
    }

    block.provider->name = value[1];
    block.provider->n_values = 1;

    (void) crypto_generichash_init(&block.hash, NULL, 0,
                                   crypto_generichash_BYTES);

    save = *cf;
    cf->handler = ngx_http_tradesec_jwt_option;
    cf->handler_conf = (void *) &block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_tradesec_jwt_add_block(cf, &block)
                             : NGX_CONF_ERROR;
}


char *
ngx_http_tradesec_jwt_add_block(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block)
{
    ngx_http_tradesec_jwt_provider_t      **slot;
    ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    if (ngx_http_tradesec_jwt_finish(cf, block) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                       ngx_http_tradesec_jwt_module);

    slot = ngx_array_push(&jmcf->providers);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = block->provider;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_finish(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block)
{
    u_char                             digest[crypto_generichash_BYTES];
    uint32_t                           algs;
    const char                        *missing;
    ngx_http_tradesec_jwt_provider_t  *provider;

    provider = block->provider;
    algs = provider->policy.algs;

    missing = (algs == 0) ? "algorithms"
              : (block->file.len == 0 && provider->uri.len == 0)
                ? "jwks_file" : NULL;

    if (missing != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "provider \"%V\" must have \"%s\"%s",
                           &provider->name, missing,
                           algs ? ", \"pem_file\", \"secret_file\" or "
                                  "\"jwks_uri\"" : "");
        return NGX_CONF_ERROR;
    }

    if ((algs & TS_JWS_ALG_SECRET) && (algs & ~TS_JWS_ALG_SECRET)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"algorithms\" mixes shared secrets (HS) with "
                           "public keys: use two providers");
        return NGX_CONF_ERROR;
    }

    if ((algs & TS_JWS_ALG_SECRET) && provider->uri.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jwks_uri\" is for public keys: a shared secret "
                           "(HS) stands in a file");
        return NGX_CONF_ERROR;
    }

    if (provider->values[0].claim.n == 0) {
        provider->values[0].claim.n = 1;
        provider->values[0].claim.names[0] = TS_SLICE("sub");
    }

    if (provider->session_claim.n == 0) {
        provider->session_claim.n = 1;
        provider->session_claim.names[0] = TS_SLICE("sid");
    }

    ngx_http_tradesec_jwt_name_issuer(provider);

    (void) crypto_generichash_final(&block->hash, digest, sizeof(digest));
    provider->salt = ngx_http_tradesec_token_salt(digest, sizeof(digest));

    return ngx_http_tradesec_jwt_finish_keys(cf, block);
}


static char *
ngx_http_tradesec_jwt_finish_keys(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block)
{
    ngx_http_tradesec_jwt_text_t       text;
    ngx_http_tradesec_jwt_provider_t  *provider;

    provider = block->provider;

    if (provider->uri.len) {
        ngx_http_tradesec_jwt_name_keys(provider);
        provider->ring = ngx_http_tradesec_jwt_ring_create(cf, provider, NULL);

        return provider->ring ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    provider->jwks = ngx_http_tradesec_jwt_read_keys(cf, &block->file,
                                                     provider->form,
                                                     provider->policy.algs,
                                                     &text);
    if (provider->jwks == NULL) {
        return NGX_CONF_ERROR;
    }

    if (provider->policy.algs & TS_JWS_ALG_SECRET) {
        ngx_http_tradesec_finding_secret(cf, &block->file);
    }

    if (!block->still) {
        provider->path = block->file;
        ngx_http_tradesec_jwt_name_keys(provider);
    }

    provider->ring = ngx_http_tradesec_jwt_ring_create(cf, provider, &text);

    ngx_http_tradesec_jwt_unload(&text);

    return provider->ring ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Another file or algorithm is another source, and begins with nothing. */

static void
ngx_http_tradesec_jwt_name_keys(ngx_http_tradesec_jwt_provider_t *provider)
{
    ngx_uint_t                i;
    ngx_str_t                *part[3];
    crypto_generichash_state  state;

    part[0] = &provider->name;
    part[1] = &provider->path;
    part[2] = &provider->uri;

    (void) crypto_generichash_init(&state, NULL, 0, sizeof(provider->id));
    (void) crypto_generichash_update(&state, (u_char *) &provider->form,
                                     sizeof(provider->form));
    (void) crypto_generichash_update(&state,
                                     (u_char *) &provider->policy.algs,
                                     sizeof(provider->policy.algs));

    for (i = 0; i < 3; i++) {
        (void) crypto_generichash_update(&state, (u_char *) &part[i]->len,
                                         sizeof(part[i]->len));
        (void) crypto_generichash_update(&state, part[i]->data, part[i]->len);
    }

    (void) crypto_generichash_final(&state, provider->id,
                                    sizeof(provider->id));
}


ngx_flag_t
ngx_http_tradesec_jwt_lacks_redis(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_uint_t  i;

    if (ngx_http_tradesec_revocations_shared_key(cf) != NULL) {
        return 0;
    }

    for (i = 0; i < policy->n; i++) {
        if (policy->providers[i]->refuse_stale) {
            return 1;
        }
    }

    return 0;
}


/* Without a named issuer two providers are two, whatever their keys. */

static void
ngx_http_tradesec_jwt_name_issuer(ngx_http_tradesec_jwt_provider_t *provider)
{
    u_char                    hash[crypto_generichash_BYTES];
    u_char                    kind;
    ts_slice_t                name;
    crypto_generichash_state  state;

    name = provider->policy.issuer;
    kind = name.data != NULL;

    if (!kind) {
        name = ts_slice(provider->name.data, provider->name.len);
    }

    (void) crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    (void) crypto_generichash_update(&state, &kind, 1);
    (void) crypto_generichash_update(&state, name.data, name.len);
    (void) crypto_generichash_final(&state, hash, sizeof(hash));

    ngx_memcpy(&provider->issuer, hash, sizeof(provider->issuer));
}
