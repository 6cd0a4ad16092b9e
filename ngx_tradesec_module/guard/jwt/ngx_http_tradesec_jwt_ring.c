/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"


/* A request that knows no key looks for new ones, at most that often. */

#define NGX_HTTP_TRADESEC_JWT_LOOK_AGAIN  100


static void ngx_http_tradesec_jwt_ring_free(void *data);
static ngx_flag_t ngx_http_tradesec_jwt_ring_read(
    ngx_http_tradesec_jwt_ring_t *ring, ngx_log_t *log);
static ngx_flag_t ngx_http_tradesec_jwt_ring_adopt(
    ngx_http_tradesec_jwt_ring_t *ring, ts_slice_t text, ngx_log_t *log);
static ngx_flag_t ngx_http_tradesec_jwt_ring_use(
    ngx_http_tradesec_jwt_ring_t *ring, ts_jwks_t *jwks, ts_slice_t text);
static ngx_uint_t ngx_http_tradesec_jwt_ring_level(void);
static ngx_flag_t ngx_http_tradesec_jwt_same_file(const ngx_file_info_t *a,
    const ngx_file_info_t *b);


/* On the heap, not in the configuration's pool: that is const. */

ngx_http_tradesec_jwt_ring_t *
ngx_http_tradesec_jwt_ring_create(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_provider_t *provider,
    const ngx_http_tradesec_jwt_text_t *text)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_tradesec_jwt_ring_t  *ring;

    static ts_jwks_t               none;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ring = ngx_calloc(sizeof(ngx_http_tradesec_jwt_ring_t), cf->log);
    if (ring == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_tradesec_jwt_ring_free;
    cln->data = ring;

    ring->provider = provider;
    ring->keys.jwks = provider->jwks ? provider->jwks : &none;
    ring->none.jwks = &none;

    if (text != NULL) {
        ring->seen = text->info;

        (void) crypto_generichash(ring->digest, sizeof(ring->digest),
                                  text->data, text->len, NULL, 0);
    }

    return ring;
}


static void
ngx_http_tradesec_jwt_ring_free(void *data)
{
    ngx_http_tradesec_jwt_ring_t *ring = data;

    if (ring->own != NULL) {
        ngx_http_tradesec_jwt_free_keys(ring->own);
    }

    ngx_free(ring);
}


void
ngx_http_tradesec_jwt_ring_seal(ngx_http_tradesec_jwt_ring_t *ring)
{
    ring->keys.salt = ngx_http_tradesec_token_salt_add(ring->provider->salt,
                                                       ring->digest,
                                                       sizeof(ring->digest));
    ring->none.salt = ring->provider->salt;
}


/*
 * The master has read the file for the configuration, maybe long ago, if this
 * worker takes the place of one that died. The file as it is now is right;
 * when it is no good, what the other workers have.
 */

void
ngx_http_tradesec_jwt_ring_start(ngx_http_tradesec_jwt_ring_t *ring,
    const ngx_http_tradesec_keys_store_t *store, ngx_log_t *log)
{
    ngx_err_t                      err;
    ngx_file_info_t                fi;
    ngx_http_tradesec_jwt_text_t   text;

    if (store != NULL) {
        ring->store = store;
        ring->slot = ngx_http_tradesec_keys_slot(store, ring->provider->id);
    }

    if (ring->provider->path.len == 0) {
        return;
    }

    if (ngx_file_info(ring->provider->path.data, &fi) == NGX_FILE_ERROR
        || !ngx_http_tradesec_jwt_same_file(&fi, &ring->seen))
    {
        (void) ngx_http_tradesec_jwt_ring_read(ring, log);
        return;
    }

    if (ring->slot == NULL) {
        return;
    }

    ring->generation = ring->slot->generation;

    if (ngx_http_tradesec_jwt_load(&ring->provider->path, &text, &err)
        == NULL)
    {
        (void) ngx_http_tradesec_keys_publish(store, ring->slot,
                                             ts_slice(text.data, text.len),
                                             &ring->generation);
        ngx_http_tradesec_jwt_unload(&text);
    }
}


ngx_flag_t
ngx_http_tradesec_jwt_ring_look(ngx_http_tradesec_jwt_ring_t *ring,
    ngx_log_t *log)
{
    ngx_file_info_t   fi;
    const ngx_str_t  *path;

    ring->looked = ngx_current_msec;
    path = &ring->provider->path;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {

        if (ring->complained != ngx_errno) {
            ring->complained = ngx_errno;
            ngx_log_error(ngx_http_tradesec_jwt_ring_level(), log, ngx_errno,
                          "tradesec: provider \"%V\" keeps its keys: "
                          "stat() \"%V\" failed", &ring->provider->name, path);
        }

        return 0;
    }

    ring->complained = 0;

    if (ngx_http_tradesec_jwt_same_file(&fi, &ring->seen)) {
        return 0;
    }

    /*
     * Another file in its place is complete; the same one that is written to
     * has to be left alone from one look to the next.
     */

    if (ngx_file_uniq(&fi) == ngx_file_uniq(&ring->seen)
        && fi.st_dev == ring->seen.st_dev
        && !ngx_http_tradesec_jwt_same_file(&fi, &ring->writing))
    {
        ring->writing = fi;
        return 0;
    }

    return ngx_http_tradesec_jwt_ring_read(ring, log);
}


ngx_flag_t
ngx_http_tradesec_jwt_ring_look_again(ngx_http_tradesec_jwt_ring_t *ring,
    ngx_log_t *log)
{
    if (ring->provider->path.len == 0
        || (ngx_msec_t) (ngx_current_msec - ring->looked)
           < NGX_HTTP_TRADESEC_JWT_LOOK_AGAIN)
    {
        return 0;
    }

    return ngx_http_tradesec_jwt_ring_look(ring, log);
}


static ngx_flag_t
ngx_http_tradesec_jwt_ring_read(ngx_http_tradesec_jwt_ring_t *ring,
    ngx_log_t *log)
{
    ngx_err_t                      err;
    ngx_flag_t                     changed;
    const char                    *what;
    const ngx_str_t               *path;
    ngx_http_tradesec_jwt_text_t   text;

    path = &ring->provider->path;
    what = ngx_http_tradesec_jwt_load(path, &text, &err);

    if (what == NULL) {
        ring->seen = text.info;
        changed = ngx_http_tradesec_jwt_ring_adopt(ring,
                                            ts_slice(text.data, text.len),
                                            log);
        ngx_http_tradesec_jwt_unload(&text);

        return changed;
    }

    /* said once, until the file is another one */

    if (ngx_file_info(path->data, &ring->seen) == NGX_FILE_ERROR) {
        ngx_memzero(&ring->seen, sizeof(ngx_file_info_t));
    }

    if (err) {
        ngx_log_error(ngx_http_tradesec_jwt_ring_level(), log, err,
                      "tradesec: provider \"%V\" keeps its keys: %s \"%V\" "
                      "failed", &ring->provider->name, what, path);

    } else {
        ngx_log_error(ngx_http_tradesec_jwt_ring_level(), log, 0,
                      "tradesec: provider \"%V\" keeps its keys: \"%V\" %s",
                      &ring->provider->name, path, what);
    }

    return 0;
}


/* The text that this worker has read becomes everybody's, if it is good. */

static ngx_flag_t
ngx_http_tradesec_jwt_ring_adopt(ngx_http_tradesec_jwt_ring_t *ring,
    ts_slice_t text, ngx_log_t *log)
{
    uint32_t                                 failed;
    ngx_int_t                                rc;
    ts_jwks_t                               *jwks;
    ngx_uint_t                               level;
    ts_jwks_result_e                         result;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ring->provider;

    jwks = ngx_http_tradesec_jwt_parse_keys(provider->form, text,
                                            provider->policy.algs, &result,
                                            &failed);
    if (jwks == NULL) {

        if (failed) {
            ngx_log_error(ngx_http_tradesec_jwt_ring_level(), log, 0,
                          "tradesec: provider \"%V\" keeps its keys: "
                          "key %uD of \"%V\": %s", &provider->name, failed,
                          &provider->path, ts_jwks_result_text(result));

        } else {
            ngx_log_error(ngx_http_tradesec_jwt_ring_level(), log, 0,
                          "tradesec: provider \"%V\" keeps its keys: "
                          "cannot use \"%V\": %s", &provider->name,
                          &provider->path, ts_jwks_result_text(result));
        }

        return 0;
    }

    rc = (ngx_worker == 0) ? NGX_OK : NGX_DONE;

    if (ring->slot != NULL) {
        rc = ngx_http_tradesec_keys_publish(ring->store, ring->slot, text,
                                            &ring->generation);
    }

    if (!ngx_http_tradesec_jwt_ring_use(ring, jwks, text)) {
        return 0;
    }

    level = (rc == NGX_OK) ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_log_error(level, log, 0,
                  "tradesec: provider \"%V\" has new keys from \"%V\": %uD",
                  &provider->name, &provider->path, jwks->n);

    return 1;
}


const char *
ngx_http_tradesec_jwt_ring_fetched(ngx_http_tradesec_jwt_ring_t *ring,
    ts_slice_t text, ngx_log_t *log)
{
    uint32_t                                 failed;
    ngx_int_t                                rc;
    ts_jwks_t                               *jwks;
    ts_jwks_result_e                         result;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ring->provider;

    jwks = ngx_http_tradesec_jwt_parse_keys(provider->form, text,
                                            provider->policy.algs, &result,
                                            &failed);
    if (jwks == NULL) {
        return ts_jwks_result_text(result);
    }

    rc = ngx_http_tradesec_keys_publish(ring->store, ring->slot, text,
                                        &ring->generation);

    if (rc == NGX_OK || ring->slot->source.failed) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "tradesec: provider \"%V\" has %s keys from \"%V\": "
                      "%uD", &provider->name, rc == NGX_OK ? "new" : "the same",
                      &provider->uri, jwks->n);
    }

    (void) ngx_http_tradesec_jwt_ring_use(ring, jwks, text);

    return NULL;
}


void
ngx_http_tradesec_jwt_ring_take(ngx_http_tradesec_jwt_ring_t *ring)
{
    size_t             len;
    uint32_t           failed;
    ts_jwks_t         *jwks;
    ts_jwks_result_e   result;

    static u_char      text[NGX_HTTP_TRADESEC_KEYS_TEXT];

    len = ngx_http_tradesec_keys_take(ring->store, ring->slot, text,
                                      &ring->generation);
    if (len == 0) {
        return;
    }

    jwks = ngx_http_tradesec_jwt_parse_keys(ring->provider->form,
                                            ts_slice(text, len),
                                            ring->provider->policy.algs,
                                            &result, &failed);
    if (jwks != NULL) {
        (void) ngx_http_tradesec_jwt_ring_use(ring, jwks, ts_slice(text, len));
    }

    ngx_explicit_memzero(text, len);
}


/* Nobody looks at keys but within one judgement: the old ones can go. */

static ngx_flag_t
ngx_http_tradesec_jwt_ring_use(ngx_http_tradesec_jwt_ring_t *ring,
    ts_jwks_t *jwks, ts_slice_t text)
{
    u_char  digest[sizeof(ring->digest)];

    (void) crypto_generichash(digest, sizeof(digest), text.data, text.len,
                              NULL, 0);

    if (ring->keys.jwks->n != 0
        && ngx_memcmp(digest, ring->digest, sizeof(digest)) == 0)
    {
        ngx_http_tradesec_jwt_free_keys(jwks);
        return 0;
    }

    if (ring->own != NULL) {
        ngx_http_tradesec_jwt_free_keys(ring->own);
    }

    ring->own = jwks;
    ring->keys.jwks = jwks;

    ngx_memcpy(ring->digest, digest, sizeof(digest));
    ngx_http_tradesec_jwt_ring_seal(ring);

    return 1;
}


/* One worker is loud; the others see the same. */

static ngx_uint_t
ngx_http_tradesec_jwt_ring_level(void)
{
    return ngx_worker == 0 && !ngx_exiting ? NGX_LOG_ERR : NGX_LOG_INFO;
}


static ngx_flag_t
ngx_http_tradesec_jwt_same_file(const ngx_file_info_t *a,
    const ngx_file_info_t *b)
{
    return a->st_dev == b->st_dev
           && a->st_ino == b->st_ino
           && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec
           && a->st_ctim.tv_sec == b->st_ctim.tv_sec
           && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}
