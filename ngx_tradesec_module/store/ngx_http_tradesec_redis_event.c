/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "store/ngx_http_tradesec_redis_event.h"
#include "store/ngx_http_tradesec_redis_tls.h"


static void ngx_http_tradesec_redis_read_handler(ngx_event_t *rev);
static void ngx_http_tradesec_redis_write_handler(ngx_event_t *wev);
static void ngx_http_tradesec_redis_add_read(void *data);
static void ngx_http_tradesec_redis_del_read(void *data);
static void ngx_http_tradesec_redis_add_write(void *data);
static void ngx_http_tradesec_redis_del_write(void *data);
static void ngx_http_tradesec_redis_cleanup(void *data);


redisAsyncContext *
ngx_http_tradesec_redis_dial(const ngx_addr_t *addr)
{
    u_char  text[NGX_SOCKADDR_STRLEN + 1];

    if (addr->sockaddr->sa_family == AF_UNIX) {
        return redisAsyncConnectUnix(
                        ((struct sockaddr_un *) addr->sockaddr)->sun_path);
    }

    /* a number, which is not looked up */

    text[ngx_sock_ntop(addr->sockaddr, addr->socklen, text,
                       NGX_SOCKADDR_STRLEN, 0)] = '\0';

    if (addr->sockaddr->sa_family == AF_INET) {
        return redisAsyncConnect((char *) text,
                                 ngx_inet_get_port(addr->sockaddr));
    }

    /* nginx writes it in brackets */

    text[ngx_strlen(text) - 1] = '\0';

    return redisAsyncConnect((char *) text + 1,
                             ngx_inet_get_port(addr->sockaddr));
}


ngx_int_t
ngx_http_tradesec_redis_attach(redisAsyncContext *ac, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ac->c.fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = ac;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_http_tradesec_redis_read_handler;
    c->write->handler = ngx_http_tradesec_redis_write_handler;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    ac->ev.data = c;
    ac->ev.addRead = ngx_http_tradesec_redis_add_read;
    ac->ev.delRead = ngx_http_tradesec_redis_del_read;
    ac->ev.addWrite = ngx_http_tradesec_redis_add_write;
    ac->ev.delWrite = ngx_http_tradesec_redis_del_write;
    ac->ev.cleanup = ngx_http_tradesec_redis_cleanup;

    return NGX_OK;
}


static void
ngx_http_tradesec_redis_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c = rev->data;

    ngx_http_tradesec_redis_tls_read(c->data, c);
}


static void
ngx_http_tradesec_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c = wev->data;

    ngx_http_tradesec_redis_tls_write(c->data);
}


/*
 * Level-triggered: hiredis reads one buffer in a call, and what it leaves must
 * bring another.
 */

static void
ngx_http_tradesec_redis_add_read(void *data)
{
    ngx_connection_t  *c = data;

    if (!c->read->active) {
        (void) ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_tradesec_redis_del_read(void *data)
{
    ngx_connection_t  *c = data;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }
}


static void
ngx_http_tradesec_redis_add_write(void *data)
{
    ngx_connection_t  *c = data;

    if (!c->write->active) {
        (void) ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_tradesec_redis_del_write(void *data)
{
    ngx_connection_t  *c = data;

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }
}


/* hiredis closes the socket itself, after this. */

static void
ngx_http_tradesec_redis_cleanup(void *data)
{
    ngx_connection_t  *c = data;

    ngx_http_tradesec_redis_del_read(c);
    ngx_http_tradesec_redis_del_write(c);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->fd = (ngx_socket_t) -1;
    ngx_free_connection(c);
}
