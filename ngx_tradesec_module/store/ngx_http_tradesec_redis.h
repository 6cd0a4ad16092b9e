/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The connection to Redis (tradesec_redis): one in each worker, asynchronous,
 * opened after the fork. Commands are pipelined, and nobody ever waits in a
 * call. It is open when Redis has let us in, takes writes and owes no answer
 * for longer than the timeout; while it is not, callers do without. An answer
 * that is an error closes it; it is opened anew after a growing pause.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_H
#define NGX_HTTP_TRADESEC_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <hiredis/hiredis.h>

#include "core/ts_types.h"
#include "store/ngx_http_tradesec_redis_tls.h"
#include "store/ngx_http_tradesec_redis_watch.h"


#define NGX_HTTP_TRADESEC_REDIS_KEY      16
#define NGX_HTTP_TRADESEC_REDIS_SCRIPTS  4
#define NGX_HTTP_TRADESEC_REDIS_CLIENTS  4
#define NGX_HTTP_TRADESEC_REDIS_SHA1     40


/* As configured. */

typedef struct {
    ngx_str_t               name;       /* for the log: without credentials */
    ngx_str_t               host;       /* without brackets and port */
    ngx_addr_t             *addrs;
    ngx_uint_t              naddrs;
    ngx_flag_t              local;      /* unix socket or loopback */
    ngx_str_t               user;
    ngx_str_t               password;
    ngx_uint_t              database;
    ngx_msec_t              timeout;
    ngx_http_tradesec_redis_tls_t
                            tls;
    u_char                  key[NGX_HTTP_TRADESEC_REDIS_KEY];
    ngx_http_tradesec_area_t
                            watch;

    /* its line, and a file of a secret that everybody can read, for findings */
    ngx_str_t               file;
    ngx_uint_t              line;
    ngx_str_t               readable;
} ngx_http_tradesec_redis_conf_t;


/* Who uses the connection; lives as long as the configuration. */

typedef struct {

    /* are loaded before it is open */

    ts_slice_t              scripts[NGX_HTTP_TRADESEC_REDIS_SCRIPTS];
    ngx_uint_t              nscripts;

    /* each time it has become open */

    void                  (*opened)(void);
} ngx_http_tradesec_redis_client_t;


typedef struct {
    ngx_uint_t              n;
    const ngx_http_tradesec_redis_client_t
                           *list[NGX_HTTP_TRADESEC_REDIS_CLIENTS];
} ngx_http_tradesec_redis_clients_t;


/* A command under way; the caller's memory until its handler was called. */

typedef struct ngx_http_tradesec_redis_command_s
    ngx_http_tradesec_redis_command_t;

struct ngx_http_tradesec_redis_command_s {

    /*
     * Exactly once: with the reply, which is no error but maybe NOSCRIPT (or
     * WRONGTYPE, where the command is typed), or with NULL when none comes.
     * NGX_ERROR says that the reply makes no sense.
     */

    ngx_int_t             (*handler)(ngx_http_tradesec_redis_command_t *cmd,
                                     const redisReply *reply);

    /* Before that, at most once, when the timeout is over; may be NULL. */

    void                  (*timeout)(ngx_http_tradesec_redis_command_t *cmd);

    /* the handler knows what to do with a value of a wrong type */

    ngx_flag_t              typed;

    /* private */

    ngx_event_t             timer;
    unsigned                overdue:1;
    unsigned                refused:1;  /* for what it is: not for later */
};


typedef struct {
    ngx_http_tradesec_redis_conf_t     *redis;      /* NULL: none */
    ngx_http_tradesec_redis_clients_t   clients;
} ngx_http_tradesec_redis_main_conf_t;


/*
 * While configurations are merged: names a user, once. NULL without
 * tradesec_redis.
 */

const ngx_http_tradesec_redis_conf_t *ngx_http_tradesec_redis_use(
    ngx_conf_t *cf, const ngx_http_tradesec_redis_client_t *client);

/* NULL without tradesec_redis. */

const ngx_http_tradesec_redis_conf_t *ngx_http_tradesec_conf_redis(
    ngx_conf_t *cf);


/* In a worker. */

void ngx_http_tradesec_redis_start(const ngx_http_tradesec_redis_conf_t *conf,
    const ngx_http_tradesec_redis_clients_t *clients, ngx_log_t *log);
void ngx_http_tradesec_redis_stop(void);

ngx_flag_t ngx_http_tradesec_redis_is_open(void);

/* The number of the connection that is or was open last; 0: none yet. */

ngx_uint_t ngx_http_tradesec_redis_connection(void);

/* NGX_ERROR: it was not sent, and the handler is not called. */

ngx_int_t ngx_http_tradesec_redis_send(ngx_http_tradesec_redis_command_t *cmd,
    uint32_t n, const char **args, const size_t *lens);

/* The same, with the command as it goes over the wire. */

ngx_int_t ngx_http_tradesec_redis_send_text(
    ngx_http_tradesec_redis_command_t *cmd, const u_char *text, size_t len);

/* Whether the reply is the error that begins with this word. */

ngx_flag_t ngx_http_tradesec_redis_is_error(const redisReply *reply,
    const char *word);

static ngx_inline ngx_flag_t
ngx_http_tradesec_redis_is_noscript(const redisReply *reply)
{
    return ngx_http_tradesec_redis_is_error(reply, "NOSCRIPT");
}


/* What EVALSHA calls a script; NGX_ERROR: OpenSSL cannot. */

ngx_int_t ngx_http_tradesec_redis_script_name(ts_slice_t script,
    u_char name[NGX_HTTP_TRADESEC_REDIS_SHA1]);


#endif /* NGX_HTTP_TRADESEC_REDIS_H */
