/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_rotation_script.h"
#include "store/ngx_http_tradesec_rotation_redis.h"
#include "store/ngx_http_tradesec_store.h"


static void ngx_http_tradesec_rotation_opened(void);
static void ngx_http_tradesec_rotation_walk(
    ngx_http_tradesec_rotation_store_t *store, size_t cursor);
static ngx_int_t ngx_http_tradesec_rotation_used(
    ngx_http_tradesec_rotation_command_t *cmd, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_rotation_told(
    ngx_http_tradesec_rotation_command_t *cmd, const redisReply *reply);


ngx_http_tradesec_redis_client_t  ngx_http_tradesec_rotation_client = {
    { { (const uint8_t *) ts_rotation_script, 0 } },
    1,
    ngx_http_tradesec_rotation_opened
};


/* Of this worker: how many were told late, in a walk that is under way. */

static ngx_flag_t  ngx_http_tradesec_rotation_walking;
static ngx_uint_t  ngx_http_tradesec_rotation_late;


ngx_int_t
ngx_http_tradesec_rotation_redis_conf(ngx_conf_t *cf,
    ngx_http_tradesec_rotation_store_t *store)
{
    ts_slice_t  *script;

    store->redis = ngx_http_tradesec_redis_use(cf,
                                          &ngx_http_tradesec_rotation_client);
    if (store->redis == NULL) {
        return NGX_OK;
    }

    script = &ngx_http_tradesec_rotation_client.scripts[0];
    script->len = ngx_strlen(script->data);

    return ngx_http_tradesec_redis_script_name(*script, store->sha1);
}


ngx_int_t
ngx_http_tradesec_rotation_redis_use(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use, uint64_t family)
{
    ngx_http_tradesec_rotation_command_t  *cmd;

    if (!ngx_http_tradesec_redis_is_open()) {
        return NGX_DECLINED;
    }

    cmd = ngx_http_tradesec_rotation_command(store,
                                             NGX_HTTP_TRADESEC_ROTATION_USE,
                                             use->tag);
    if (cmd == NULL) {
        return NGX_ERROR;
    }

    cmd->use = use;
    cmd->family = family;
    cmd->grace = use->grace;
    cmd->lifetime = use->lifetime;

    if (ngx_http_tradesec_rotation_send(cmd) != NGX_OK) {
        ngx_free(cmd);
        return NGX_ERROR;
    }

    use->pending = cmd;
    use->rc = NGX_AGAIN;

    return NGX_OK;
}


void
ngx_http_tradesec_rotation_redis_forget(ngx_http_tradesec_rotation_use_t *use)
{
    ngx_http_tradesec_rotation_command_t  *cmd = use->pending;

    cmd->use = NULL;
    cmd->release = 1;
    use->pending = NULL;
}


void
ngx_http_tradesec_rotation_redis_free(
    ngx_http_tradesec_rotation_store_t *store, ts_rotation_tag_t tag,
    time_t lifetime)
{
    ngx_http_tradesec_rotation_command_t  *cmd;

    if (!ngx_http_tradesec_redis_is_open()) {
        return;
    }

    cmd = ngx_http_tradesec_rotation_command(store,
                                             NGX_HTTP_TRADESEC_ROTATION_FREE,
                                             tag);
    if (cmd == NULL) {
        return;
    }

    cmd->lifetime = lifetime;

    if (ngx_http_tradesec_rotation_send(cmd) != NGX_OK) {
        ngx_free(cmd);
    }
}


void
ngx_http_tradesec_rotation_redis_tell(
    ngx_http_tradesec_rotation_store_t *store, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next)
{
    ngx_http_tradesec_rotation_command_t  *cmd;

    cmd = ngx_http_tradesec_redis_is_open()
          ? ngx_http_tradesec_rotation_command(store,
                                              NGX_HTTP_TRADESEC_ROTATION_TELL,
                                              tag)
          : NULL;

    if (cmd != NULL) {
        cmd->n = ngx_http_tradesec_rotation_zone_get(store->zone, tag,
                                                     &cmd->entries[0]);

        if (next != NULL
            && ngx_http_tradesec_rotation_zone_get(store->zone, *next,
                                                   &cmd->entries[cmd->n]))
        {
            cmd->n++;
        }

        if (cmd->n && ngx_http_tradesec_rotation_send(cmd) == NGX_OK) {
            return;
        }

        ngx_free(cmd);
    }

    ngx_http_tradesec_rotation_zone_untold(store->zone, tag);

    if (next != NULL) {
        ngx_http_tradesec_rotation_zone_untold(store->zone, *next);
    }
}


/* Redis listens: what it has missed it is told, part after part. */

static void
ngx_http_tradesec_rotation_opened(void)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_tradesec_store_module);

    if (scf != NULL && scf->rotation != NULL
        && !ngx_http_tradesec_rotation_walking)
    {
        ngx_http_tradesec_rotation_late = 0;
        ngx_http_tradesec_rotation_walk(scf->rotation, 0);
    }
}


static void
ngx_http_tradesec_rotation_walk(ngx_http_tradesec_rotation_store_t *store,
    size_t cursor)
{
    ngx_uint_t                             i;
    ngx_http_tradesec_rotation_command_t  *cmd;

    ngx_http_tradesec_rotation_walking = 0;

    cmd = ngx_http_tradesec_rotation_command(store,
                                             NGX_HTTP_TRADESEC_ROTATION_TELL,
                                             (ts_rotation_tag_t) { { 0, 0 } });
    if (cmd == NULL) {
        return;
    }

    cmd->walks = 1;
    cmd->cursor = cursor;
    cmd->n = ngx_http_tradesec_rotation_zone_tell(store->zone, &cmd->cursor,
                                             cmd->entries,
                                             NGX_HTTP_TRADESEC_ROTATION_BATCH);

    if (cmd->n && ngx_http_tradesec_rotation_send(cmd) == NGX_OK) {
        ngx_http_tradesec_rotation_walking = 1;
        return;
    }

    for (i = 0; i < cmd->n; i++) {
        ngx_http_tradesec_rotation_zone_untold(store->zone,
                                               cmd->entries[i].tag);
    }

    if (cmd->n == 0 && ngx_http_tradesec_rotation_late) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "tradesec: redis was told of %ui refresh tokens that it "
                      "had missed", ngx_http_tradesec_rotation_late);
    }

    ngx_free(cmd);
}


/* Redis has not answered who waits; the command may still be carried out. */

void
ngx_http_tradesec_rotation_timeout(ngx_http_tradesec_redis_command_t *redis)
{
    ngx_http_tradesec_rotation_use_t      *use;
    ngx_http_tradesec_rotation_command_t  *cmd;

    cmd = (ngx_http_tradesec_rotation_command_t *) redis;
    use = cmd->use;

    if (use == NULL) {
        return;
    }

    cmd->use = NULL;
    cmd->release = use->closed != 0;
    use->pending = NULL;

    ngx_http_tradesec_rotation_fall_back(cmd->store, use);

    use->handler(use);
}


ngx_int_t
ngx_http_tradesec_rotation_heard(ngx_http_tradesec_redis_command_t *redis,
    const redisReply *reply)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_rotation_command_t  *cmd;

    cmd = (ngx_http_tradesec_rotation_command_t *) redis;

    if (reply != NULL && ngx_http_tradesec_redis_is_noscript(reply)) {

        if (!cmd->whole) {
            cmd->whole = 1;

            if (ngx_http_tradesec_rotation_send(cmd) == NGX_OK) {
                return NGX_OK;
            }
        }

        reply = NULL;
    }

    rc = NGX_OK;

    if (reply != NULL
        && (reply->type != REDIS_REPLY_STRING
            || reply->len != cmd->n * TS_ROTATION_SCRIPT_REPLY))
    {
        rc = NGX_ERROR;
        reply = NULL;
    }

    switch (cmd->task) {

    case NGX_HTTP_TRADESEC_ROTATION_USE:
        rc |= ngx_http_tradesec_rotation_used(cmd, reply);
        break;

    case NGX_HTTP_TRADESEC_ROTATION_TELL:
        rc |= ngx_http_tradesec_rotation_told(cmd, reply);
        break;

    case NGX_HTTP_TRADESEC_ROTATION_FREE:
        break;
    }

    ngx_free(cmd);

    return rc ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_rotation_used(ngx_http_tradesec_rotation_command_t *cmd,
    const redisReply *reply)
{
    uint64_t                             family, access, local;
    ts_rotation_e                        verdict;
    ts_rotation_tag_t                    tag;
    ngx_http_tradesec_rotation_use_t    *use;
    ngx_http_tradesec_rotation_store_t  *store;

    use = cmd->use;
    store = cmd->store;
    tag = cmd->entries[0].tag;

    if (reply == NULL
        || !ts_rotation_script_read(ts_slice(reply->str, reply->len),
                                    &verdict, &family, &access))
    {
        ngx_http_tradesec_rotation_timeout(&cmd->redis);
        return reply == NULL ? NGX_OK : NGX_ERROR;
    }

    switch (verdict) {

    case TS_ROTATION_FIRST:
        ngx_http_tradesec_rotation_zone_adopt(store->zone, tag, family);

        if (cmd->release) {
            ngx_http_tradesec_rotation_redis_free(store, tag, cmd->lifetime);
        }

        break;

    case TS_ROTATION_RACE:

        if (use != NULL) {
            (void) ngx_http_tradesec_rotation_zone_settle(store->zone, tag,
                                                          NULL, 0,
                                                          cmd->lifetime);
        }

        break;

    case TS_ROTATION_REUSED:
    case TS_ROTATION_ENDED:
        local = ngx_http_tradesec_rotation_zone_finish(store->zone, tag,
                                                       cmd->lifetime);
        access = access ? access : local;

        if (use == NULL && access) {
            store->ended(store, access);
        }

        break;
    }

    if (use != NULL) {
        use->verdict = verdict;
        use->access = access;
        use->pending = NULL;
        use->rc = NGX_OK;
        use->handler(use);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_rotation_told(ngx_http_tradesec_rotation_command_t *cmd,
    const redisReply *reply)
{
    uint64_t                             family, access, local;
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ts_rotation_e                        verdict;
    const ts_rotation_entry_t           *e;
    ngx_http_tradesec_rotation_store_t  *store;

    rc = NGX_OK;
    store = cmd->store;

    for (i = 0; i < cmd->n; i++) {
        e = &cmd->entries[i];

        if (reply != NULL
            && !ts_rotation_script_read(
                ts_slice(reply->str + i * TS_ROTATION_SCRIPT_REPLY,
                         TS_ROTATION_SCRIPT_REPLY),
                &verdict, &family, &access))
        {
            rc = NGX_ERROR;
            reply = NULL;
        }

        if (reply == NULL) {

            /* what Redis has refused it would refuse again */

            if (!cmd->redis.refused) {
                ngx_http_tradesec_rotation_zone_untold(store->zone, e->tag);
            }

            continue;
        }

        if (verdict != TS_ROTATION_ENDED) {
            ngx_http_tradesec_rotation_zone_adopt(store->zone, e->tag, family);
            continue;
        }

        if (e->state == TS_ROTATION_OVER) {
            continue;
        }

        local = ngx_http_tradesec_rotation_zone_finish(store->zone, e->tag,
                                         e->expires
                                         - ngx_http_tradesec_rotation_zone_now()
                                                       );

        if (access || local) {
            store->ended(store, access ? access : local);
        }
    }

    if (cmd->walks) {
        ngx_http_tradesec_rotation_walking = 0;

        if (reply != NULL) {
            ngx_http_tradesec_rotation_late += cmd->n;
            ngx_http_tradesec_rotation_walk(store, cmd->cursor);
        }
    }

    return rc;
}
