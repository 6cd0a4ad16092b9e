/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Attempts to log in, counted in Redis by all gateways together, and all the
 * time in tradesec_zone by this one: when Redis is away, nobody starts at
 * zero. An attempt is charged in the zone before Redis is asked, and given
 * back there when Redis refuses it, so that all workers of this gateway
 * together never admit more than the limit, whichever home each of them asks.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_attempts_script.h"
#include "store/ngx_http_tradesec_attempts_redis.h"


static ngx_int_t ngx_http_tradesec_attempts_redis_reserve(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_attempts_redis_forget(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_attempts_redis_settle(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res, ts_attempts_outcome_e outcome,
    ngx_log_t *log);
static ngx_int_t ngx_http_tradesec_attempts_fall_back(
    const ngx_http_tradesec_attempts_redis_t *home,
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_attempts_record(
    const ngx_http_tradesec_attempts_redis_t *home,
    const ngx_http_tradesec_reservation_t *res, uint32_t outcome,
    ngx_flag_t charge);
static void ngx_http_tradesec_attempts_give_up(
    ngx_http_tradesec_attempts_command_t *cmd);
static void ngx_http_tradesec_attempts_timeout(
    ngx_http_tradesec_redis_command_t *redis);
static ngx_int_t ngx_http_tradesec_attempts_reserved(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_attempts_verdict(
    const ngx_http_tradesec_attempts_command_t *cmd, const redisReply *reply,
    ts_attempts_verdict_t *verdict);
static ngx_int_t ngx_http_tradesec_attempts_settled(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);


static ngx_http_tradesec_redis_client_t  ngx_http_tradesec_attempts_client = {
    { { (const uint8_t *) ts_attempts_script_reserve, 0 },
      { (const uint8_t *) ts_attempts_script_settle, 0 },
      { (const uint8_t *) ts_attempts_script_operate, 0 } },
    NGX_HTTP_TRADESEC_ATTEMPTS_SCRIPTS,
    ngx_http_tradesec_attempts_journal_tell
};


ngx_http_tradesec_attempts_store_t *
ngx_http_tradesec_attempts_redis(ngx_conf_t *cf,
    ngx_http_tradesec_attempts_store_t *zone)
{
    ngx_uint_t                             i;
    ts_slice_t                            *script;
    const ngx_http_tradesec_redis_conf_t  *redis;
    ngx_http_tradesec_attempts_redis_t    *home;

    redis = ngx_http_tradesec_redis_use(cf,
                                        &ngx_http_tradesec_attempts_client);
    if (redis == NULL) {
        return zone;
    }

    home = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_attempts_redis_t));
    if (home == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_TRADESEC_ATTEMPTS_SCRIPTS; i++) {
        script = &ngx_http_tradesec_attempts_client.scripts[i];
        script->len = ngx_strlen(script->data);

        if (ngx_http_tradesec_redis_script_name(*script, home->sha1[i])
            != NGX_OK)
        {
            return NULL;
        }
    }

    home->zone = zone;
    home->redis = redis;

    /* the same on every gateway */
    home->key = redis->key;

    home->store.key = &home->key;
    home->store.reserve = ngx_http_tradesec_attempts_redis_reserve;
    home->store.forget = ngx_http_tradesec_attempts_redis_forget;
    home->store.settle = ngx_http_tradesec_attempts_redis_settle;
    home->store.operate = ngx_http_tradesec_attempts_redis_operate;
    home->store.dismiss = ngx_http_tradesec_attempts_redis_dismiss;
    home->store.data = home;

    return &home->store;
}


static ngx_int_t
ngx_http_tradesec_attempts_redis_reserve(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res)
{
    const ngx_http_tradesec_attempts_redis_t  *home = store->data;

    ngx_http_tradesec_attempts_command_t  *cmd;

    if (!ngx_http_tradesec_redis_is_open()
        || !ngx_http_tradesec_attempts_journal_is_empty())
    {
        return ngx_http_tradesec_attempts_fall_back(home, res);
    }

    cmd = ngx_http_tradesec_attempts_command(home, res);
    if (cmd == NULL) {
        return ngx_http_tradesec_attempts_fall_back(home, res);
    }

    cmd->redis.handler = ngx_http_tradesec_attempts_reserved;
    cmd->redis.timeout = ngx_http_tradesec_attempts_timeout;
    cmd->res = res;

    if (ngx_http_tradesec_attempts_send(cmd) != NGX_OK) {
        ngx_free(cmd);
        return ngx_http_tradesec_attempts_fall_back(home, res);
    }

    ngx_http_tradesec_attempts_zone_mirror(home->zone, &res->attempt);

    res->pending = cmd;
    res->rc = NGX_AGAIN;

    return NGX_AGAIN;
}


/* No reply is of use to anybody any more, but the attempt stays charged. */

static void
ngx_http_tradesec_attempts_redis_forget(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res)
{
    ngx_http_tradesec_attempts_command_t  *cmd = res->pending;

    cmd->res = NULL;
    cmd->forgotten = 1;
    res->pending = NULL;
}


static void
ngx_http_tradesec_attempts_redis_settle(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res, ts_attempts_outcome_e outcome,
    ngx_log_t *log)
{
    const ngx_http_tradesec_attempts_redis_t  *home = store->data;

    uint32_t                               locked;
    ngx_http_tradesec_attempts_command_t  *cmd;

    locked = ngx_http_tradesec_attempts_zone_settle(home->zone, &res->attempt,
                                                    outcome);

    cmd = ngx_http_tradesec_attempts_command(home, res);
    if (cmd == NULL) {
        return;
    }

    cmd->redis.handler = ngx_http_tradesec_attempts_settled;
    cmd->settle = 1;
    cmd->outcome = outcome;
    cmd->locked = locked;

    if (ngx_http_tradesec_redis_is_open()
        && ngx_http_tradesec_attempts_journal_is_empty()
        && ngx_http_tradesec_attempts_send(cmd) == NGX_OK)
    {
        return;
    }

    if (locked) {
        ngx_http_tradesec_attempts_log_lock(log, res->counter, res->account,
                                            locked);
        cmd->locked = 0;
    }

    ngx_http_tradesec_attempts_journal_keep(cmd);
}


static ngx_int_t
ngx_http_tradesec_attempts_fall_back(
    const ngx_http_tradesec_attempts_redis_t *home,
    ngx_http_tradesec_reservation_t *res)
{
    res->rc = NGX_OK;

    switch (res->fallback) {

    case NGX_HTTP_TRADESEC_FALLBACK_CLOSED:
        res->home = NGX_HTTP_TRADESEC_HOME_CLOSED;
        ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_CLOSED);
        res->rc = NGX_DECLINED;
        break;

    case NGX_HTTP_TRADESEC_FALLBACK_OPEN:
        res->home = NGX_HTTP_TRADESEC_HOME_OPEN;
        ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_ADMITTED);
        ngx_memzero(&res->verdict, sizeof(ts_attempts_verdict_t));
        ngx_http_tradesec_attempts_zone_mirror(home->zone, &res->attempt);
        break;

    default: /* NGX_HTTP_TRADESEC_FALLBACK_LOCAL */
        res->home = NGX_HTTP_TRADESEC_HOME_LOCAL;
        ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_LOCAL);
        res->verdict = ngx_http_tradesec_attempts_zone_reserve(home->zone,
                                                              &res->attempt);
        break;
    }

    if (res->rc == NGX_OK && res->verdict.verdict == TS_ATTEMPTS_ADMITTED) {
        ngx_http_tradesec_attempts_record(home, res, TS_ATTEMPTS_SCRIPT_OPEN,
                                          1);
    }

    return res->rc;
}


/* Without memory for it the attempt is known to this gateway alone. */

static void
ngx_http_tradesec_attempts_record(
    const ngx_http_tradesec_attempts_redis_t *home,
    const ngx_http_tradesec_reservation_t *res, uint32_t outcome,
    ngx_flag_t charge)
{
    ngx_http_tradesec_attempts_command_t  *cmd;

    cmd = ngx_http_tradesec_attempts_command(home, res);

    if (cmd != NULL) {
        cmd->redis.handler = ngx_http_tradesec_attempts_settled;
        cmd->settle = 1;
        cmd->charge = charge != 0;
        cmd->outcome = outcome;

        ngx_http_tradesec_attempts_journal_keep(cmd);
    }
}


/*
 * Redis has not answered who waits. The command may still be carried out, so
 * what was refused here is withdrawn there.
 */

static void
ngx_http_tradesec_attempts_give_up(ngx_http_tradesec_attempts_command_t *cmd)
{
    ngx_http_tradesec_reservation_t  *res;

    res = cmd->res;
    cmd->res = NULL;
    res->pending = NULL;

    (void) ngx_http_tradesec_attempts_zone_settle(cmd->home->zone,
                                                  &res->attempt,
                                                  TS_ATTEMPTS_WITHDRAWN);

    (void) ngx_http_tradesec_attempts_fall_back(cmd->home, res);

    if (res->rc != NGX_OK || res->verdict.verdict != TS_ATTEMPTS_ADMITTED) {
        ngx_http_tradesec_attempts_record(cmd->home, res,
                                          TS_ATTEMPTS_WITHDRAWN, 0);
    }

    res->handler(res);
}


static void
ngx_http_tradesec_attempts_timeout(ngx_http_tradesec_redis_command_t *redis)
{
    ngx_http_tradesec_attempts_command_t  *cmd;

    cmd = (ngx_http_tradesec_attempts_command_t *) redis;

    if (cmd->res != NULL) {
        ngx_http_tradesec_attempts_give_up(cmd);
    }
}


static ngx_int_t
ngx_http_tradesec_attempts_reserved(ngx_http_tradesec_redis_command_t *redis,
    const redisReply *reply)
{
    ngx_int_t                              rc;
    ts_attempts_verdict_t                  verdict;
    ngx_http_tradesec_reservation_t       *res;
    ngx_http_tradesec_attempts_command_t  *cmd;

    cmd = (ngx_http_tradesec_attempts_command_t *) redis;

    if (reply != NULL && ngx_http_tradesec_redis_is_noscript(reply)
        && cmd->res != NULL && !cmd->whole)
    {
        cmd->whole = 1;

        if (ngx_http_tradesec_attempts_send(cmd) == NGX_OK) {
            return NGX_OK;
        }
    }

    rc = reply ? ngx_http_tradesec_attempts_verdict(cmd, reply, &verdict)
               : NGX_DECLINED;

    res = cmd->res;

    if (rc == NGX_OK && verdict.verdict != TS_ATTEMPTS_ADMITTED
        && (res != NULL || cmd->forgotten))
    {
        (void) ngx_http_tradesec_attempts_zone_settle(cmd->home->zone,
                                                      &cmd->attempt,
                                                      TS_ATTEMPTS_WITHDRAWN);
    }

    if (res != NULL && rc == NGX_OK) {
        res->verdict = verdict;
        res->home = NGX_HTTP_TRADESEC_HOME_REDIS;
        ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_JUDGED);
        res->pending = NULL;
        res->rc = NGX_OK;
        res->handler(res);

    } else if (res != NULL) {
        ngx_http_tradesec_attempts_give_up(cmd);
    }

    ngx_free(cmd);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_attempts_verdict(
    const ngx_http_tradesec_attempts_command_t *cmd, const redisReply *reply,
    ts_attempts_verdict_t *verdict)
{
    if (ngx_http_tradesec_redis_is_noscript(reply)) {
        return NGX_DECLINED;
    }

    return reply->type == REDIS_REPLY_INTEGER
           && ts_attempts_script_verdict(reply->integer, cmd->attempt.n,
                                         verdict)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_tradesec_attempts_settled(ngx_http_tradesec_redis_command_t *redis,
    const redisReply *reply)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_attempts_command_t  *cmd;

    cmd = (ngx_http_tradesec_attempts_command_t *) redis;

    if (reply != NULL && ngx_http_tradesec_redis_is_noscript(reply)
        && !cmd->whole)
    {
        cmd->whole = 1;

        if (ngx_http_tradesec_attempts_send(cmd) == NGX_OK) {
            return NGX_OK;
        }

        reply = NULL;
    }

    rc = reply ? ngx_http_tradesec_attempts_is_settled(cmd, reply)
               : NGX_DECLINED;

    if (rc == NGX_OK) {
        ngx_free(cmd);
        return NGX_OK;
    }

    if (cmd->locked) {
        ngx_http_tradesec_attempts_log_lock(ngx_cycle->log, cmd->counter,
                                            cmd->account, cmd->locked);
        cmd->locked = 0;
    }

    ngx_http_tradesec_attempts_journal_keep(cmd);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_tradesec_attempts_is_settled(
    const ngx_http_tradesec_attempts_command_t *cmd, const redisReply *reply)
{
    uint32_t  locked, seconds;

    if (reply->type != REDIS_REPLY_INTEGER
        || !ts_attempts_script_settled(reply->integer, cmd->attempt.n,
                                       &locked, &seconds))
    {
        return NGX_ERROR;
    }

    if (locked) {
        ngx_http_tradesec_attempts_log_lock(ngx_cycle->log, cmd->counter,
                                            cmd->account, seconds);
    }

    return NGX_OK;
}


ngx_http_tradesec_attempts_command_t *
ngx_http_tradesec_attempts_command(
    const ngx_http_tradesec_attempts_redis_t *home,
    const ngx_http_tradesec_reservation_t *res)
{
    ngx_http_tradesec_attempts_command_t  *cmd;

    cmd = ngx_alloc(sizeof(ngx_http_tradesec_attempts_command_t),
                    ngx_cycle->log);
    if (cmd == NULL) {
        return NULL;
    }

    ngx_memzero(cmd, sizeof(ngx_http_tradesec_attempts_command_t));

    cmd->home = home;
    cmd->attempt = res->attempt;
    cmd->counter = res->counter;
    cmd->account = res->account;
    cmd->time = ngx_current_msec;

    return cmd;
}


void
ngx_http_tradesec_attempts_script(
    const ngx_http_tradesec_attempts_redis_t *home, ngx_uint_t script,
    ngx_flag_t whole, ts_slice_t *command, ts_slice_t *text)
{
    if (whole) {
        *command = TS_SLICE("EVAL");
        *text = ngx_http_tradesec_attempts_client.scripts[script];

    } else {
        *command = TS_SLICE("EVALSHA");
        *text = ts_slice(home->sha1[script], NGX_HTTP_TRADESEC_REDIS_SHA1);
    }
}


ngx_int_t
ngx_http_tradesec_attempts_send(ngx_http_tradesec_attempts_command_t *cmd)
{
    uint32_t               age;
    ts_slice_t             name, script;
    ts_attempts_script_t   s;

    ngx_http_tradesec_attempts_script(cmd->home,
                             cmd->settle ? NGX_HTTP_TRADESEC_ATTEMPTS_SETTLE
                             : NGX_HTTP_TRADESEC_ATTEMPTS_RESERVE,
                             cmd->whole, &name, &script);

    if (cmd->settle) {
        age = (uint32_t) ((ngx_current_msec - cmd->time) / 1000);
        ts_attempts_script_to_settle(&s, name, script, &cmd->attempt,
                                     cmd->outcome, cmd->charge, age, 0);

    } else {
        ts_attempts_script_to_reserve(&s, name, script, &cmd->attempt, 0);
    }

    return ngx_http_tradesec_redis_send_text(&cmd->redis, s.text, s.len);
}
