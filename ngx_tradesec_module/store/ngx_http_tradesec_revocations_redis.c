/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_revocations_redis.h"


/* Without a word for so long, in ms, the list may be too old. */

#define NGX_HTTP_TRADESEC_REVOCATIONS_STALE  1000

/* EVALSHA, its script, the number of keys, two keys, three words; the lines. */

#define NGX_HTTP_TRADESEC_REVOCATIONS_ARGS                                   \
    (8 + 2 * NGX_HTTP_TRADESEC_REVOCATIONS_BATCH)


/* One that is told of; gone with its reply. */

typedef struct {
    ngx_http_tradesec_redis_command_t        redis;
    ngx_http_tradesec_revocations_redis_t   *home;
} ngx_http_tradesec_revocations_told_t;


typedef struct {
    uint32_t     n;
    const char  *args[NGX_HTTP_TRADESEC_REVOCATIONS_ARGS];
    size_t       lens[NGX_HTTP_TRADESEC_REVOCATIONS_ARGS];
} ngx_http_tradesec_revocations_words_t;


static void ngx_http_tradesec_revocations_word(
    ngx_http_tradesec_revocations_words_t *words, const void *data,
    size_t len);
static ngx_int_t ngx_http_tradesec_revocations_told(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);


static ngx_http_tradesec_redis_client_t  ngx_http_tradesec_revocations_client =
{
    { { (const uint8_t *) ts_revocations_script, 0 } },
    1,
    ngx_http_tradesec_revocations_follow
};


/* Of this worker. */

static ngx_flag_t  ngx_http_tradesec_revocations_whole;


ngx_int_t
ngx_http_tradesec_revocations_redis_conf(ngx_conf_t *cf,
    ngx_http_tradesec_revocations_redis_t *home)
{
    ts_slice_t  *script;

    home->conf = ngx_http_tradesec_redis_use(cf,
                                       &ngx_http_tradesec_revocations_client);
    if (home->conf == NULL) {
        return NGX_OK;
    }

    home->keys = ts_revocations_keys(home->conf->key);

    script = &ngx_http_tradesec_revocations_client.scripts[0];
    script->len = ngx_strlen(script->data);

    return ngx_http_tradesec_redis_script_name(*script, home->sha1);
}


ngx_http_tradesec_revocations_shared_t *
ngx_http_tradesec_revocations_shared(
    const ngx_http_tradesec_revocations_redis_t *home)
{
    return (ngx_http_tradesec_revocations_shared_t *)
               ((u_char *) home->area->memory + home->area->size) - 1;
}


ngx_flag_t
ngx_http_tradesec_revocations_redis_is_stale(
    const ngx_http_tradesec_revocations_redis_t *home)
{
    ngx_atomic_uint_t  heard;

    if (home->conf == NULL) {
        return 0;
    }

    heard = ngx_http_tradesec_revocations_shared(home)->heard;

    /* another worker's clock may be ahead of what this one has read of it */

    return heard == 0
           || (ngx_msec_int_t) (ngx_current_msec - heard)
              > NGX_HTTP_TRADESEC_REVOCATIONS_STALE;
}


void
ngx_http_tradesec_revocations_redis_tell(
    ngx_http_tradesec_revocations_redis_t *home, const ts_revocation_t *old,
    const ts_revocation_t *r)
{
    ngx_http_tradesec_revocations_told_t  *told;

    if (home->conf == NULL) {
        return;
    }

    if (ngx_http_tradesec_redis_is_open()) {

        told = ngx_calloc(sizeof(ngx_http_tradesec_revocations_told_t),
                          ngx_cycle->log);

        if (told != NULL) {
            told->redis.handler = ngx_http_tradesec_revocations_told;
            told->redis.timeout = ngx_http_tradesec_revocations_redis_timeout;
            told->home = home;

            if (ngx_http_tradesec_revocations_redis_call(home, &told->redis,
                                                         old,
                                                         ts_slice(NULL, 0), r,
                                                         1)
                == NGX_OK)
            {
                return;
            }

            ngx_free(told);
        }
    }

    /* it stands in the list: who follows tells of it when he can */

    (void) ngx_atomic_fetch_add(
                        &ngx_http_tradesec_revocations_shared(home)->unsent,
                        1);
}


static ngx_int_t
ngx_http_tradesec_revocations_told(ngx_http_tradesec_redis_command_t *redis,
    const redisReply *reply)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_revocations_told_t  *told;

    told = (ngx_http_tradesec_revocations_told_t *) redis;
    rc = NGX_OK;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {

        (void) ngx_atomic_fetch_add(
                  &ngx_http_tradesec_revocations_shared(told->home)->unsent,
                  1);

        if (reply != NULL) {
            rc = NGX_ERROR;

            if (ngx_http_tradesec_redis_is_noscript(reply)) {
                ngx_http_tradesec_revocations_redis_teach();
                rc = NGX_OK;
            }
        }
    }

    ngx_free(told);

    return rc;
}


void
ngx_http_tradesec_revocations_redis_teach(void)
{
    ngx_http_tradesec_revocations_whole = 1;
}


void
ngx_http_tradesec_revocations_redis_timeout(
    ngx_http_tradesec_redis_command_t *cmd)
{
    /* void */
}


ngx_int_t
ngx_http_tradesec_revocations_redis_call(
    const ngx_http_tradesec_revocations_redis_t *home,
    ngx_http_tradesec_redis_command_t *cmd, const ts_revocation_t *old,
    ts_slice_t beat, const ts_revocation_t *list, ngx_uint_t n)
{
    char                                    line[TS_REVOCATIONS_WIRE_LINE];
    u_char                                  now[NGX_INT64_LEN];
    ngx_uint_t                              i;
    const ts_slice_t                       *script;
    ngx_http_tradesec_revocations_words_t   words;

    static char    lines[NGX_HTTP_TRADESEC_REVOCATIONS_BATCH][
                                                    TS_REVOCATIONS_WIRE_LINE];
    static u_char  scores[NGX_HTTP_TRADESEC_REVOCATIONS_BATCH][
                                                    NGX_INT64_LEN];

    words.n = 0;

    if (ngx_http_tradesec_revocations_whole) {
        script = &ngx_http_tradesec_revocations_client.scripts[0];

        ngx_http_tradesec_revocations_word(&words, "EVAL", 4);
        ngx_http_tradesec_revocations_word(&words, script->data, script->len);

    } else {
        ngx_http_tradesec_revocations_word(&words, "EVALSHA", 7);
        ngx_http_tradesec_revocations_word(&words, home->sha1,
                                           sizeof(home->sha1));
    }

    ngx_http_tradesec_revocations_word(&words, "2", 1);
    ngx_http_tradesec_revocations_word(&words, TS_REVOCATIONS_STREAM,
                                       sizeof(TS_REVOCATIONS_STREAM) - 1);
    ngx_http_tradesec_revocations_word(&words, TS_REVOCATIONS_SET,
                                       sizeof(TS_REVOCATIONS_SET) - 1);

    ngx_http_tradesec_revocations_word(&words, now,
                                       ngx_sprintf(now, "%T", ngx_time())
                                       - now);

    ngx_http_tradesec_revocations_word(&words, line,
                        old ? ts_revocations_write_line(line, old, &home->keys)
                            : 0);
    ngx_http_tradesec_revocations_word(&words, beat.data, beat.len);

    for (i = 0; i < n; i++) {
        ngx_http_tradesec_revocations_word(&words, scores[i],
                             ngx_sprintf(scores[i], "%uD",
                                         ts_revocations_score(&list[i]))
                             - scores[i]);
        ngx_http_tradesec_revocations_word(&words, lines[i],
                             ts_revocations_write_line(lines[i], &list[i],
                                                       &home->keys));
    }

    if (ngx_http_tradesec_redis_send(cmd, words.n, words.args, words.lens)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tradesec_revocations_whole = 0;

    return NGX_OK;
}


static void
ngx_http_tradesec_revocations_word(
    ngx_http_tradesec_revocations_words_t *words, const void *data,
    size_t len)
{
    words->args[words->n] = data;
    words->lens[words->n++] = len;
}
