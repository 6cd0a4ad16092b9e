/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_address.h"
#include "core/ts_siphash.h"
#include "store/ngx_http_tradesec_sockets.h"


/* A slot is 24 bytes, so 1 MB of area counts 43,690 sockets. */

#define NGX_HTTP_TRADESEC_SOCKETS_SHARE    1
#define NGX_HTTP_TRADESEC_SOCKETS_MIN      4096

/* What tells users and addresses apart, in front of what is hashed. */

#define NGX_HTTP_TRADESEC_SOCKETS_USER     1
#define NGX_HTTP_TRADESEC_SOCKETS_ADDRESS  2


typedef struct {
    const ngx_http_tradesec_area_t  *area;
    uint32_t                         slot;
} ngx_http_tradesec_sockets_slot_t;


static ngx_int_t ngx_http_tradesec_sockets_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static void ngx_http_tradesec_sockets_close(void *data);
static uint64_t ngx_http_tradesec_sockets_user(const u_char *key,
    const ngx_str_t *user, const ngx_http_request_t *r);
static uint64_t ngx_http_tradesec_sockets_address(const u_char *key,
    const ngx_http_request_t *r);
static int ngx_http_tradesec_sockets_alive(uint32_t worker);


ngx_http_tradesec_sockets_t *
ngx_http_tradesec_sockets_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_http_tradesec_sockets_t  *sockets;

    *no_zone = 0;

    sockets = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_sockets_t));
    if (sockets == NULL) {
        return NULL;
    }

    sockets->area.name = "sockets";
    sockets->area.version = TS_SOCKETS_VERSION;
    sockets->area.share = NGX_HTTP_TRADESEC_SOCKETS_SHARE;
    sockets->area.min = NGX_HTTP_TRADESEC_SOCKETS_MIN;
    sockets->area.init = ngx_http_tradesec_sockets_init;
    sockets->area.data = sockets;

    switch (ngx_http_tradesec_zone_add(cf, &sockets->area)) {

    case NGX_OK:
        return sockets;

    case NGX_DECLINED:
        *no_zone = 1;
        /* fall through */

    default:
        return NULL;
    }
}


/* Sockets of an old zone give their slots back there: they are not copied. */

static ngx_int_t
ngx_http_tradesec_sockets_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    return ts_sockets_init(area->memory, area->size) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_tradesec_sockets_open(const ngx_http_tradesec_sockets_t *sockets,
    ngx_http_request_t *r, const ngx_str_t *user,
    const ts_socket_limits_t *limits, ts_sockets_e *verdict)
{
    ts_socket_t                        socket;
    ngx_http_cleanup_t                *cln;
    ngx_http_tradesec_sockets_slot_t  *slot;

    /* before anything is counted: what is counted has to end */

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_tradesec_sockets_slot_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    slot = cln->data;
    slot->area = &sockets->area;

    socket.user = ngx_http_tradesec_sockets_user(sockets->area.key, user, r);
    socket.address = ngx_http_tradesec_sockets_address(sockets->area.key, r);
    socket.worker = (uint32_t) ngx_pid;

    ngx_http_tradesec_area_lock(&sockets->area);
    *verdict = ts_sockets_open(sockets->area.memory, &socket, limits,
                               ngx_http_tradesec_sockets_alive, &slot->slot);
    ngx_http_tradesec_area_unlock(&sockets->area);

    if (*verdict == TS_SOCKETS_OK) {
        cln->handler = ngx_http_tradesec_sockets_close;
    }

    return NGX_OK;
}


static void
ngx_http_tradesec_sockets_close(void *data)
{
    ngx_http_tradesec_sockets_slot_t  *slot = data;

    ngx_http_tradesec_area_lock(slot->area);
    ts_sockets_close(slot->area->memory, slot->slot, (uint32_t) ngx_pid);
    ngx_http_tradesec_area_unlock(slot->area);
}


/* Who has no name is a user of his own: his connection. */

static uint64_t
ngx_http_tradesec_sockets_user(const u_char *key, const ngx_str_t *user,
    const ngx_http_request_t *r)
{
    uint64_t  hash[2];

    if (user->len == 0) {
        ts_siphash(key, NGX_HTTP_TRADESEC_SOCKETS_USER,
                   ts_slice(&r->connection->number,
                            sizeof(r->connection->number)), hash);
        return hash[0] ^ (uint64_t) ngx_pid;
    }

    ts_siphash(key, NGX_HTTP_TRADESEC_SOCKETS_USER,
               ts_slice(user->data, user->len), hash);

    return hash[0];
}


/* IPv4 as it is; of IPv6 the network of a home, 64 bits. */

static uint64_t
ngx_http_tradesec_sockets_address(const u_char *key,
    const ngx_http_request_t *r)
{
    uint64_t              hash[2];
    ts_address_t          address;
    struct sockaddr_in   *sin;
    static const uint8_t  none[4] = { 0, 0, 0, 0 };
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    address = ts_address_v4(none);

    if (r->connection->sockaddr->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        address = ts_address_v4((uint8_t *) &sin->sin_addr.s_addr);
    }

#if (NGX_HAVE_INET6)
    if (r->connection->sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        address = ts_address_v6(sin6->sin6_addr.s6_addr);
    }
#endif

    ts_siphash(key, NGX_HTTP_TRADESEC_SOCKETS_ADDRESS,
               ts_address_network(&address, 64), hash);

    return hash[0];
}


static int
ngx_http_tradesec_sockets_alive(uint32_t worker)
{
    return kill((pid_t) worker, 0) == 0 || ngx_errno == NGX_EPERM;
}
