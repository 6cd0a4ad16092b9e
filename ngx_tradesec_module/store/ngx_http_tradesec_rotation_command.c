/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_rotation_script.h"
#include "store/ngx_http_tradesec_rotation_redis.h"


/* EVALSHA, its script, the number of keys; task, time and up to four more. */

#define NGX_HTTP_TRADESEC_ROTATION_ARGS                                      \
    (9 + 2 * NGX_HTTP_TRADESEC_ROTATION_BATCH)


typedef struct {
    uint32_t     n;
    const char  *args[NGX_HTTP_TRADESEC_ROTATION_ARGS];
    size_t       lens[NGX_HTTP_TRADESEC_ROTATION_ARGS];
} ngx_http_tradesec_rotation_words_t;


ngx_http_tradesec_rotation_command_t *
ngx_http_tradesec_rotation_command(ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_task_e task, ts_rotation_tag_t tag)
{
    ngx_http_tradesec_rotation_command_t  *cmd;

    cmd = ngx_calloc(sizeof(ngx_http_tradesec_rotation_command_t),
                     ngx_cycle->log);

    if (cmd != NULL) {
        cmd->redis.handler = ngx_http_tradesec_rotation_heard;
        cmd->redis.timeout = ngx_http_tradesec_rotation_timeout;
        cmd->store = store;
        cmd->task = task;
        cmd->n = 1;
        cmd->entries[0].tag = tag;
    }

    return cmd;
}


static void
ngx_http_tradesec_rotation_word(ngx_http_tradesec_rotation_words_t *words,
    const void *data, size_t len)
{
    words->args[words->n] = data;
    words->lens[words->n++] = len;
}


ngx_int_t
ngx_http_tradesec_rotation_send(ngx_http_tradesec_rotation_command_t *cmd)
{
    size_t                               len;
    u_char                               family[16];
    u_char                               numbers[4][NGX_INT64_LEN];
    uint32_t                             now;
    ngx_uint_t                           i;
    const ts_slice_t                    *script;
    ngx_http_tradesec_rotation_words_t   words;

    static u_char  keys[NGX_HTTP_TRADESEC_ROTATION_BATCH][
                                                    TS_ROTATION_SCRIPT_KEY];
    static u_char  entries[NGX_HTTP_TRADESEC_ROTATION_BATCH][
                                                    TS_ROTATION_SCRIPT_ENTRY];

    static const ngx_str_t  tasks[] = {
        ngx_string("use"), ngx_string("free"), ngx_string("tell")
    };

#define NGX_HTTP_TRADESEC_ROTATION_NUMBER(i, number)                         \
    ngx_http_tradesec_rotation_word(&words, numbers[i],                      \
                                    ngx_sprintf(numbers[i], "%T",            \
                                                (time_t) (number))           \
                                    - numbers[i])

    words.n = 0;
    script = &ngx_http_tradesec_rotation_client.scripts[0];

    ngx_http_tradesec_rotation_word(&words, cmd->whole ? "EVAL" : "EVALSHA",
                                    cmd->whole ? 4 : 7);

    if (cmd->whole) {
        ngx_http_tradesec_rotation_word(&words, script->data, script->len);

    } else {
        ngx_http_tradesec_rotation_word(&words, cmd->store->sha1,
                                        sizeof(cmd->store->sha1));
    }

    NGX_HTTP_TRADESEC_ROTATION_NUMBER(0, cmd->n);

    for (i = 0; i < cmd->n; i++) {
        ts_rotation_script_key(keys[i], cmd->entries[i].tag);
        ngx_http_tradesec_rotation_word(&words, keys[i],
                                        TS_ROTATION_SCRIPT_KEY);
    }

    ngx_http_tradesec_rotation_word(&words, tasks[cmd->task].data,
                                    tasks[cmd->task].len);
    ngx_http_tradesec_rotation_word(&words, "0", 1);

    switch (cmd->task) {

    case NGX_HTTP_TRADESEC_ROTATION_USE:
        ts_rotation_script_number(family, cmd->family);
        ngx_http_tradesec_rotation_word(&words, family, sizeof(family));
        NGX_HTTP_TRADESEC_ROTATION_NUMBER(1, cmd->lifetime);
        NGX_HTTP_TRADESEC_ROTATION_NUMBER(2, cmd->grace);
        NGX_HTTP_TRADESEC_ROTATION_NUMBER(3, TS_ROTATION_FLIGHT);
        break;

    case NGX_HTTP_TRADESEC_ROTATION_FREE:
        NGX_HTTP_TRADESEC_ROTATION_NUMBER(1, cmd->lifetime);
        break;

    case NGX_HTTP_TRADESEC_ROTATION_TELL:
        now = ngx_http_tradesec_rotation_zone_now();
        NGX_HTTP_TRADESEC_ROTATION_NUMBER(1, cmd->store->grace);

        for (i = 0; i < cmd->n; i++) {
            len = ts_rotation_script_entry(entries[i], &cmd->entries[i], now);
            ngx_http_tradesec_rotation_word(&words, entries[i], len);
        }

        break;
    }

    return ngx_http_tradesec_redis_send(&cmd->redis, words.n, words.args,
                                        words.lens);
}
