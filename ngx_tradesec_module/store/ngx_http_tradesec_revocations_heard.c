/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What Redis tells the follower. Anybody may have written it: what is no line
 * of a gateway is left out.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_revocations_follow.h"


#define NGX_HTTP_TRADESEC_HEARD_LOG  60     /* s between lines about others */


static ngx_int_t ngx_http_tradesec_heard_stream(ngx_http_tradesec_follow_t *f,
    const redisReply *reply);
static ngx_flag_t ngx_http_tradesec_heard_entry(const redisReply *entry,
    ts_slice_t *id, ts_slice_t *text);
static void ngx_http_tradesec_heard_line(ngx_http_tradesec_follow_t *f,
    ts_slice_t line);
static void ngx_http_tradesec_heard_flush(ngx_http_tradesec_follow_t *f);
static ngx_flag_t ngx_http_tradesec_heard_is_new(const ts_revocations_t *t,
    const ts_revocation_t *r, uint32_t now);
static void ngx_http_tradesec_heard_others(ngx_http_tradesec_follow_t *f);


void
ngx_http_tradesec_follow_look(ngx_http_tradesec_follow_t *f)
{
    size_t       lens[6];
    const char  *args[6];

    if (f->phase <= NGX_HTTP_TRADESEC_FOLLOW_MARKS) {
        return;
    }

    args[0] = "XRANGE";
    lens[0] = 6;
    args[1] = TS_REVOCATIONS_STREAM;
    lens[1] = sizeof(TS_REVOCATIONS_STREAM) - 1;
    args[2] = (const char *) f->id;
    lens[2] = f->id_len;
    args[3] = "+";
    lens[3] = 1;
    args[4] = "COUNT";
    lens[4] = 5;
    args[5] = ngx_value(NGX_HTTP_TRADESEC_FOLLOW_PIECE);
    lens[5] = sizeof(ngx_value(NGX_HTTP_TRADESEC_FOLLOW_PIECE)) - 1;

    if (ngx_http_tradesec_redis_send(&f->look, 6, args, lens) == NGX_OK) {
        f->looking = 1;
        f->look_epoch = f->epoch;
    }
}


ngx_int_t
ngx_http_tradesec_follow_looked(ngx_http_tradesec_redis_command_t *cmd,
    const redisReply *reply)
{
    ngx_int_t                                rc;
    ngx_http_tradesec_follow_t              *f;
    ngx_http_tradesec_revocations_shared_t  *shared;

    f = &ngx_http_tradesec_follow_worker;
    f->looking = 0;

    if (f->home == NULL || reply == NULL || f->look_epoch != f->epoch) {
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_tradesec_follow_anew(f, "they are of a wrong type");
        return NGX_OK;
    }

    rc = ngx_http_tradesec_heard_stream(f, reply);

    if (rc == NGX_DECLINED) {
        ngx_http_tradesec_follow_anew(f, "what was read last is not there");
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    shared = ngx_http_tradesec_revocations_shared(f->home);
    shared->alive = ngx_current_msec;

    if (reply->elements == NGX_HTTP_TRADESEC_FOLLOW_PIECE) {
        ngx_http_tradesec_follow_look(f);

    } else if (f->loaded) {
        shared->heard = ngx_current_msec;
    }

    return NGX_OK;
}


/* Members and scores by turns. */

ngx_int_t
ngx_http_tradesec_follow_hear_set(ngx_http_tradesec_follow_t *f,
    const redisReply *reply)
{
    size_t             i;
    const redisReply  *cursor, *list;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return NGX_ERROR;
    }

    cursor = reply->element[0];
    list = reply->element[1];

    if (cursor->type != REDIS_REPLY_STRING || cursor->len <= 0
        || (size_t) cursor->len > sizeof(f->scan)
        || list->type != REDIS_REPLY_ARRAY)
    {
        return NGX_ERROR;
    }

    for (i = 0; i + 1 < list->elements; i += 2) {

        if (list->element[i]->type != REDIS_REPLY_STRING) {
            return NGX_ERROR;
        }

        ngx_http_tradesec_heard_line(f, ts_slice(list->element[i]->str,
                                                 list->element[i]->len));
    }

    ngx_http_tradesec_heard_flush(f);

    ngx_memcpy(f->scan, cursor->str, cursor->len);
    f->scan_len = cursor->len;

    return NGX_OK;
}


/* NGX_DECLINED: it is not the one that was read so far. */

static ngx_int_t
ngx_http_tradesec_heard_stream(ngx_http_tradesec_follow_t *f,
    const redisReply *reply)
{
    size_t      i;
    ts_slice_t  id, text;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return NGX_ERROR;
    }

    if (reply->elements == 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < reply->elements; i++) {

        if (!ngx_http_tradesec_heard_entry(reply->element[i], &id, &text)) {
            return NGX_ERROR;
        }

        if (i != 0) {
            ngx_http_tradesec_heard_line(f, text);

        } else if (!ts_slice_eq(id, ts_slice(f->id, f->id_len))
                   || ts_revocations_hash(text, &f->home->keys) != f->text)
        {
            return NGX_DECLINED;
        }
    }

    if (reply->elements > 1) {
        ngx_http_tradesec_heard_flush(f);

        ngx_memcpy(f->id, id.data, id.len);
        f->id_len = id.len;
        f->text = ts_revocations_hash(text, &f->home->keys);
        f->quiet = ngx_current_msec;
    }

    return NGX_OK;
}


/* Its id, and the value of its first field; 0: it is no entry of a stream. */

static ngx_flag_t
ngx_http_tradesec_heard_entry(const redisReply *entry, ts_slice_t *id,
    ts_slice_t *text)
{
    const redisReply  *name, *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2) {
        return 0;
    }

    name = entry->element[0];
    fields = entry->element[1];

    if (name->type != REDIS_REPLY_STRING || name->len <= 0
        || (size_t) name->len > NGX_HTTP_TRADESEC_FOLLOW_ID
        || fields->type != REDIS_REPLY_ARRAY)
    {
        return 0;
    }

    *id = ts_slice(name->str, name->len);
    *text = ts_slice(NULL, 0);

    if (fields->elements >= 2
        && fields->element[1]->type == REDIS_REPLY_STRING)
    {
        *text = ts_slice(fields->element[1]->str, fields->element[1]->len);
    }

    return 1;
}


static void
ngx_http_tradesec_heard_line(ngx_http_tradesec_follow_t *f, ts_slice_t line)
{
    if (f->n_heard == NGX_HTTP_TRADESEC_REVOCATIONS_BATCH) {
        ngx_http_tradesec_heard_flush(f);
    }

    if (ts_revocations_read_line(line, &f->heard[f->n_heard], &f->home->keys)) {
        f->n_heard++;

    } else if (line.len != NGX_HTTP_TRADESEC_FOLLOW_MARK
               || ngx_strncmp(line.data, "beat ", 5) != 0)
    {
        f->foreign++;
    }
}


/* Into the list, and what is new there into the journal. */

static void
ngx_http_tradesec_heard_flush(ngx_http_tradesec_follow_t *f)
{
    uint32_t                   i, n, now, cut;
    ts_revocation_t            list[NGX_HTTP_TRADESEC_REVOCATIONS_BATCH + 1];
    ngx_http_tradesec_area_t  *area;

    area = f->home->area;
    n = 0;
    cut = 0;

    ngx_http_tradesec_area_lock(area);

    now = ngx_http_tradesec_journal_now(f->home->journal);

    for (i = 0; i < f->n_heard; i++) {
        if (ngx_http_tradesec_heard_is_new(area->memory, &f->heard[i], now)) {
            cut += !ts_revocations_restore(area->memory, &f->heard[i], now);
            n += ts_revocations_get(area->memory, f->heard[i].key, &list[n]);
        }
    }

    if (cut) {
        n += ts_revocations_get(area->memory,
                                ts_revocation_key(TS_REVOKED_CUTOFF, 0),
                                &list[n]);
    }

    ngx_http_tradesec_area_unlock(area);

    f->n_heard = 0;

    ngx_http_tradesec_revocations_journal_add(f->home->journal, list, n,
                                              f->timer.log);

    if (cut) {
        (void) ngx_atomic_fetch_add(
                     &ngx_http_tradesec_revocations_shared(f->home)->unsent,
                     1);

        ngx_log_error(NGX_LOG_ALERT, f->timer.log, 0,
                      "tradesec: no room in \"tradesec_zone\" for what other "
                      "gateways have revoked: every token that was issued "
                      "until now is revoked, make the zone larger");
    }

    ngx_http_tradesec_heard_others(f);
}


static ngx_flag_t
ngx_http_tradesec_heard_is_new(const ts_revocations_t *t,
    const ts_revocation_t *r, uint32_t now)
{
    ts_revocation_t  known;

    if (ts_revocation_kind(r->key) != TS_REVOKED_FREEZE && r->expires <= now) {
        return 0;
    }

    return !ts_revocations_get(t, r->key, &known)
           || r->time > known.time || r->expires > known.expires;
}


static void
ngx_http_tradesec_heard_others(ngx_http_tradesec_follow_t *f)
{
    if (f->foreign == 0
        || (f->logged && ngx_time() - f->logged < NGX_HTTP_TRADESEC_HEARD_LOG))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, f->timer.log, 0,
                  "tradesec: %ui lines about revocations in redis are of no "
                  "gateway with this \"key_file=\", and are left out",
                  f->foreign);

    f->foreign = 0;
    f->logged = ngx_time();
}
