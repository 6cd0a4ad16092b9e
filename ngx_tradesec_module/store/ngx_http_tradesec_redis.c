/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The connection to Redis: hiredis on nginx's events.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <hiredis/async.h>

#include "core/ts_backoff.h"
#include "store/ngx_http_tradesec_redis_event.h"
#include "store/ngx_http_tradesec_redis_greeting.h"


#define NGX_HTTP_TRADESEC_REDIS_PAUSE_MIN  50       /* ms before a try */
#define NGX_HTTP_TRADESEC_REDIS_PAUSE_MAX  5000
#define NGX_HTTP_TRADESEC_REDIS_PATIENCE   10       /* timeouts, for all else */
#define NGX_HTTP_TRADESEC_REDIS_PENDING    8192     /* commands under way */


typedef enum {
    NGX_HTTP_TRADESEC_REDIS_AWAY,       /* the timer ends a pause */
    NGX_HTTP_TRADESEC_REDIS_GREETING,   /* it limits the greeting */
    NGX_HTTP_TRADESEC_REDIS_OPEN        /* it limits a silence */
} ngx_http_tradesec_redis_state_e;


typedef struct {
    const ngx_http_tradesec_redis_conf_t    *conf;
    const ngx_http_tradesec_redis_clients_t *clients;
    ngx_log_t                               *log;
    redisAsyncContext                       *ac;
    ngx_http_tradesec_redis_state_e          state;
    ngx_event_t                              timer;
    ngx_connection_t                         dummy;     /* for the debug log */
    uint32_t                                 pause;
    time_t                                   since;     /* it is open */
    ngx_uint_t                               address;   /* to try next */
    ngx_uint_t                               number;    /* of those so far */
    ngx_uint_t                               pending;
    ngx_uint_t                               overdue;
    unsigned                                 reported:1;    /* as away */
    unsigned                                 stopped:1;
} ngx_http_tradesec_redis_t;


static void ngx_http_tradesec_redis_timer(ngx_event_t *ev);
static void ngx_http_tradesec_redis_connect(ngx_http_tradesec_redis_t *redis);
static void ngx_http_tradesec_redis_greeted(const char *why);
static void ngx_http_tradesec_redis_opened(
    const ngx_http_tradesec_redis_t *redis);
static void ngx_http_tradesec_redis_connected(const redisAsyncContext *ac,
    int status);
static void ngx_http_tradesec_redis_disconnected(const redisAsyncContext *ac,
    int status);
static void ngx_http_tradesec_redis_drop(ngx_http_tradesec_redis_t *redis,
    const char *why);
static void ngx_http_tradesec_redis_away(ngx_http_tradesec_redis_t *redis,
    const char *why);
static void ngx_http_tradesec_redis_check(ngx_http_tradesec_redis_t *redis);
static ngx_uint_t ngx_http_tradesec_redis_report(
    ngx_http_tradesec_redis_t *redis);
static void ngx_http_tradesec_redis_sent(ngx_http_tradesec_redis_t *redis,
    ngx_http_tradesec_redis_command_t *cmd);
static void ngx_http_tradesec_redis_reply(redisAsyncContext *ac, void *reply,
    void *data);
static void ngx_http_tradesec_redis_command_timer(ngx_event_t *ev);
static void ngx_http_tradesec_redis_answered(
    ngx_http_tradesec_redis_t *redis, ngx_http_tradesec_redis_command_t *cmd);


/* Of this worker. */

static ngx_http_tradesec_redis_t  ngx_http_tradesec_redis_worker;


void
ngx_http_tradesec_redis_start(const ngx_http_tradesec_redis_conf_t *conf,
    const ngx_http_tradesec_redis_clients_t *clients, ngx_log_t *log)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    redis->conf = conf;
    redis->clients = clients;
    redis->log = log;
    redis->pause = NGX_HTTP_TRADESEC_REDIS_PAUSE_MIN;
    redis->address = ngx_random() % conf->naddrs;

    /* no reason for a worker to live on: requests that wait have their own */

    redis->dummy.fd = (ngx_socket_t) -1;
    redis->timer.handler = ngx_http_tradesec_redis_timer;
    redis->timer.data = &redis->dummy;
    redis->timer.log = log;
    redis->timer.cancelable = 1;

    ngx_http_tradesec_redis_watch_join(&conf->watch);
    ngx_http_tradesec_redis_connect(redis);
}


/* What is settled in the last moment still goes out, if it can at once. */

void
ngx_http_tradesec_redis_stop(void)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    redis->stopped = 1;

    if (redis->ac != NULL && redis->state == NGX_HTTP_TRADESEC_REDIS_OPEN) {
        ngx_http_tradesec_redis_tls_write(redis->ac);
    }

    if (redis->ac != NULL) {
        redis->state = NGX_HTTP_TRADESEC_REDIS_AWAY;
        redisAsyncFree(redis->ac);
    }

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    ngx_http_tradesec_redis_watch_leave();
}


ngx_flag_t
ngx_http_tradesec_redis_is_open(void)
{
    const ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    return redis->state == NGX_HTTP_TRADESEC_REDIS_OPEN
           && redis->overdue == 0
           && redis->pending < NGX_HTTP_TRADESEC_REDIS_PENDING;
}


ngx_uint_t
ngx_http_tradesec_redis_connection(void)
{
    return ngx_http_tradesec_redis_worker.number;
}


ngx_int_t
ngx_http_tradesec_redis_send(ngx_http_tradesec_redis_command_t *cmd,
    uint32_t n, const char **args, const size_t *lens)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (redis->state != NGX_HTTP_TRADESEC_REDIS_OPEN
        || redisAsyncCommandArgv(redis->ac, ngx_http_tradesec_redis_reply, cmd,
                                 (int) n, args, lens)
           != REDIS_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tradesec_redis_sent(redis, cmd);

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_redis_send_text(ngx_http_tradesec_redis_command_t *cmd,
    const u_char *text, size_t len)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (redis->state != NGX_HTTP_TRADESEC_REDIS_OPEN
        || len == 0
        || redisAsyncFormattedCommand(redis->ac, ngx_http_tradesec_redis_reply,
                                      cmd, (const char *) text, len)
           != REDIS_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tradesec_redis_sent(redis, cmd);

    return NGX_OK;
}


static void
ngx_http_tradesec_redis_sent(ngx_http_tradesec_redis_t *redis,
    ngx_http_tradesec_redis_command_t *cmd)
{
    redis->pending++;

    cmd->overdue = 0;
    cmd->refused = 0;
    ngx_memzero(&cmd->timer, sizeof(ngx_event_t));

    if (cmd->timeout != NULL) {
        cmd->timer.handler = ngx_http_tradesec_redis_command_timer;
        cmd->timer.data = &redis->dummy;
        cmd->timer.log = redis->log;
        ngx_add_timer(&cmd->timer, redis->conf->timeout);
    }
}


ngx_flag_t
ngx_http_tradesec_redis_is_error(const redisReply *reply, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return reply->type == REDIS_REPLY_ERROR
           && (size_t) reply->len >= len
           && ngx_strncmp(reply->str, word, len) == 0;
}


static void
ngx_http_tradesec_redis_timer(ngx_event_t *ev)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (redis->state == NGX_HTTP_TRADESEC_REDIS_AWAY) {
        ngx_http_tradesec_redis_connect(redis);
        return;
    }

    ngx_http_tradesec_redis_drop(redis,
                                 ngx_http_tradesec_redis_tls_is_done(redis->ac)
                                 ? "it does not answer"
                                 : "it does not end the TLS handshake");
}


static void
ngx_http_tradesec_redis_connect(ngx_http_tradesec_redis_t *redis)
{
    const char         *why;
    redisAsyncContext  *ac;

    ac = ngx_http_tradesec_redis_dial(
                  &redis->conf->addrs[redis->address++ % redis->conf->naddrs]);

    if (ac == NULL) {
        ngx_http_tradesec_redis_away(redis, "out of memory");
        return;
    }

    if (ac->err || ngx_http_tradesec_redis_attach(ac, redis->log) != NGX_OK) {
        ngx_http_tradesec_redis_away(redis, ac->err ? ac->errstr
                                            : "no connection of nginx's left");
        redisAsyncFree(ac);
        return;
    }

    redis->ac = ac;
    redis->state = NGX_HTTP_TRADESEC_REDIS_GREETING;

    ngx_add_timer(&redis->timer,
                  redis->conf->timeout * NGX_HTTP_TRADESEC_REDIS_PATIENCE);

    why = ngx_http_tradesec_redis_tls_begin(ac, &redis->conf->tls);

    if (why != NULL) {
        ngx_http_tradesec_redis_drop(redis, why);
        return;
    }

    if (redisAsyncSetConnectCallback(ac, ngx_http_tradesec_redis_connected)
        != REDIS_OK
        || redisAsyncSetDisconnectCallback(ac,
                                        ngx_http_tradesec_redis_disconnected)
           != REDIS_OK
        || ngx_http_tradesec_redis_greet(ac, redis->conf, redis->clients,
                                         redis->log,
                                         ngx_http_tradesec_redis_greeted)
           != NGX_OK)
    {
        ngx_http_tradesec_redis_drop(redis, "out of memory");
    }
}


static void
ngx_http_tradesec_redis_greeted(const char *why)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (why != NULL) {
        ngx_http_tradesec_redis_drop(redis, why);
        return;
    }

    redis->state = NGX_HTTP_TRADESEC_REDIS_OPEN;
    redis->since = ngx_time();
    redis->number++;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    ngx_http_tradesec_redis_watch(1);

    if (redis->reported) {
        redis->reported = 0;
        ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                      "tradesec: redis \"%V\" is back", &redis->conf->name);
    }

    ngx_http_tradesec_redis_opened(redis);
    ngx_http_tradesec_redis_check(redis);
}


static void
ngx_http_tradesec_redis_opened(const ngx_http_tradesec_redis_t *redis)
{
    ngx_uint_t  i;

    for (i = 0; i < redis->clients->n; i++) {
        redis->clients->list[i]->opened();
    }
}


/* hiredis frees what could not be connected, or is not any more. */

static void
ngx_http_tradesec_redis_connected(const redisAsyncContext *ac, int status)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (status != REDIS_OK && ac == redis->ac) {
        redis->ac = NULL;
        ngx_http_tradesec_redis_away(redis, ac->c.errstr);
    }
}


static void
ngx_http_tradesec_redis_disconnected(const redisAsyncContext *ac, int status)
{
    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    if (ac == redis->ac) {
        redis->ac = NULL;
        ngx_http_tradesec_redis_away(redis,
                                     ngx_http_tradesec_redis_tls_why(ac));
    }
}


static void
ngx_http_tradesec_redis_drop(ngx_http_tradesec_redis_t *redis,
    const char *why)
{
    redisAsyncContext  *ac;

    ac = redis->ac;
    redis->ac = NULL;

    ngx_http_tradesec_redis_away(redis, why);

    /* calls what waits for a reply, at once or behind the present callback */

    redisAsyncFree(ac);
}


static void
ngx_http_tradesec_redis_away(ngx_http_tradesec_redis_t *redis,
    const char *why)
{
    ngx_msec_t  pause;
    ngx_uint_t  level;

    redis->state = NGX_HTTP_TRADESEC_REDIS_AWAY;

    if (redis->stopped) {
        return;
    }

    /* one that has worked for long may have been closed as idle */

    if (redis->since && ngx_time() - redis->since
                        > NGX_HTTP_TRADESEC_REDIS_PAUSE_MAX / 100)
    {
        redis->pause = NGX_HTTP_TRADESEC_REDIS_PAUSE_MIN;
    }

    redis->since = 0;

    pause = ts_backoff(&redis->pause, NGX_HTTP_TRADESEC_REDIS_PAUSE_MAX,
                       (uint64_t) ngx_random());

    level = ngx_http_tradesec_redis_report(redis);

    ngx_log_error(level, redis->log, 0, "tradesec: redis \"%V\" is away: %s",
                  &redis->conf->name, why);

    ngx_add_timer(&redis->timer, pause);
}


/* At which level: the first time it is news. */

static ngx_uint_t
ngx_http_tradesec_redis_report(ngx_http_tradesec_redis_t *redis)
{
    ngx_http_tradesec_redis_watch(0);

    if (redis->reported) {
        return NGX_LOG_INFO;
    }

    redis->reported = 1;
    ngx_http_tradesec_redis_count(NGX_HTTP_TRADESEC_REDIS_TIMES);

    return NGX_LOG_ERR;
}


static void
ngx_http_tradesec_redis_reply(redisAsyncContext *ac, void *reply, void *data)
{
    redisReply                         *heard = reply;
    ngx_http_tradesec_redis_command_t  *cmd = data;

    ngx_http_tradesec_redis_t  *redis = &ngx_http_tradesec_redis_worker;

    redis->pending--;

    if (cmd->timer.timer_set) {
        ngx_del_timer(&cmd->timer);
    }

    if (heard == NULL) {

        /* the connection is broken, whether we know it already or not */

        redis->state = NGX_HTTP_TRADESEC_REDIS_AWAY;
        ngx_http_tradesec_redis_answered(redis, cmd);
        (void) cmd->handler(cmd, NULL);
        return;
    }

    ngx_http_tradesec_redis_answered(redis, cmd);

    if (heard->type == REDIS_REPLY_ERROR
        && !ngx_http_tradesec_redis_is_noscript(heard)
        && !(cmd->typed
             && ngx_http_tradesec_redis_is_error(heard, "WRONGTYPE")))
    {
        /* what Redis cannot do now (LOADING, OOM) has a word of its own */

        cmd->refused = ngx_strncmp(heard->str, "ERR ", 4) == 0;

        if (ac == redis->ac) {
            ngx_http_tradesec_redis_drop(redis, heard->str);
        }

        (void) cmd->handler(cmd, NULL);
        return;
    }

    if (cmd->handler(cmd, heard) == NGX_OK) {

        /* not by a server that begins well each time */
        if (redis->since && ngx_time() - redis->since > 1) {
            redis->pause = NGX_HTTP_TRADESEC_REDIS_PAUSE_MIN;
        }

    } else if (ac == redis->ac) {
        ngx_http_tradesec_redis_drop(redis, "an answer makes no sense");
    }

    ngx_http_tradesec_redis_check(redis);
}


static void
ngx_http_tradesec_redis_check(ngx_http_tradesec_redis_t *redis)
{
    if (redis->ac != NULL && ngx_http_tradesec_redis_is_unasked(redis->ac)) {
        ngx_http_tradesec_redis_drop(redis, "an answer that nobody asked for");
    }
}


static void
ngx_http_tradesec_redis_command_timer(ngx_event_t *ev)
{
    ngx_uint_t                          level;
    ngx_http_tradesec_redis_t          *redis = &ngx_http_tradesec_redis_worker;
    ngx_http_tradesec_redis_command_t  *cmd;

    cmd = (ngx_http_tradesec_redis_command_t *)
              ((u_char *) ev - offsetof(ngx_http_tradesec_redis_command_t,
                                        timer));

    cmd->overdue = 1;

    if (redis->overdue++ == 0) {
        level = ngx_http_tradesec_redis_report(redis);

        ngx_log_error(level, redis->log, 0,
                      "tradesec: redis \"%V\" has not answered for %M ms",
                      &redis->conf->name, redis->conf->timeout);

        ngx_add_timer(&redis->timer,
                      redis->conf->timeout * NGX_HTTP_TRADESEC_REDIS_PATIENCE);
    }

    cmd->timeout(cmd);
}


/* The last answer that was overdue closes the circuit again. */

static void
ngx_http_tradesec_redis_answered(ngx_http_tradesec_redis_t *redis,
    ngx_http_tradesec_redis_command_t *cmd)
{
    if (!cmd->overdue) {
        return;
    }

    cmd->overdue = 0;

    if (--redis->overdue || redis->state != NGX_HTTP_TRADESEC_REDIS_OPEN) {
        return;
    }

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    redis->reported = 0;
    ngx_http_tradesec_redis_watch(1);
    ngx_log_error(NGX_LOG_WARN, redis->log, 0,
                  "tradesec: redis \"%V\" answers again", &redis->conf->name);

    ngx_http_tradesec_redis_opened(redis);
}
