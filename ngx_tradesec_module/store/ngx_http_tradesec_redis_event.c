/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "store/ngx_http_tradesec_redis_event.h"
#include "store/ngx_http_tradesec_redis_tls.h"


#define NGX_HTTP_TRADESEC_REDIS_ANSWER    (16 * 1024 * 1024)  /* bytes */
#define NGX_HTTP_TRADESEC_REDIS_ELEMENTS  65536


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_tradesec_redis_elements_t;
#else
typedef int     ngx_http_tradesec_redis_elements_t;
#endif

typedef void *(*ngx_http_tradesec_redis_array_pt)(const redisReadTask *task,
    ngx_http_tradesec_redis_elements_t elements);


static void ngx_http_tradesec_redis_bound(redisAsyncContext *ac);
static void *ngx_http_tradesec_redis_array(const redisReadTask *task,
    ngx_http_tradesec_redis_elements_t elements);
static void ngx_http_tradesec_redis_read_handler(ngx_event_t *rev);
static void ngx_http_tradesec_redis_write_handler(ngx_event_t *wev);
static void ngx_http_tradesec_redis_add_read(void *data);
static void ngx_http_tradesec_redis_del_read(void *data);
static void ngx_http_tradesec_redis_add_write(void *data);
static void ngx_http_tradesec_redis_del_write(void *data);
static void ngx_http_tradesec_redis_cleanup(void *data);


static ngx_http_tradesec_redis_array_pt  ngx_http_tradesec_redis_default_array;


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

    ngx_http_tradesec_redis_bound(ac);

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

    if (ngx_http_tradesec_redis_may_read(c->data) == NGX_OK) {
        ngx_http_tradesec_redis_tls_read(c->data, c);
    }
}


/*
 * hiredis aborts the process when it reads an answer that nobody waits for, and
 * keeps what has come of a long one without a bound, so it is given neither.
 */

ngx_int_t
ngx_http_tradesec_redis_may_read(redisAsyncContext *ac)
{
    const char  *why;

    if (ac->c.reader->len - ac->c.reader->pos
        > NGX_HTTP_TRADESEC_REDIS_ANSWER)
    {
        why = "an answer is too long";

    } else if (ac->replies.head == NULL
               && ngx_http_tradesec_redis_tls_peek(ac))
    {
        why = "an answer that nobody asked for";

    } else {
        return NGX_OK;
    }

    ac->c.err = REDIS_ERR_OTHER;
    ngx_cpystrn((u_char *) ac->c.errstr, (u_char *) why,
                sizeof(ac->c.errstr));

    redisAsyncFree(ac);

    return NGX_ERROR;
}


/*
 * hiredis makes room for an array when it has read how long it is going to be,
 * which takes ten bytes. The elements of all arrays of an answer count.
 */

static void *
ngx_http_tradesec_redis_array(const redisReadTask *task,
    ngx_http_tradesec_redis_elements_t elements)
{
    static size_t  n;

    if (task->parent == NULL) {
        n = 0;
    }

    n += (size_t) elements;

    return n > NGX_HTTP_TRADESEC_REDIS_ELEMENTS
           ? NULL : ngx_http_tradesec_redis_default_array(task, elements);
}


static void
ngx_http_tradesec_redis_bound(redisAsyncContext *ac)
{
    static redisReplyObjectFunctions  functions;

    if (ngx_http_tradesec_redis_default_array == NULL) {
        functions = *ac->c.reader->fn;
        ngx_http_tradesec_redis_default_array = functions.createArray;
        functions.createArray = ngx_http_tradesec_redis_array;
    }

    ac->c.reader->fn = &functions;
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
