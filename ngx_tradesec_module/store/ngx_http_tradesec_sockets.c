/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_address.h"
#include "core/ts_siphash.h"
#include "store/ngx_http_tradesec_sockets.h"


/*
 * A socket is 48 bytes, so 1 MB of area counts 21,838 sockets; 264 with what
 * operators read: 3,864 sockets.
 */

#define NGX_HTTP_TRADESEC_SOCKETS_SHARE    1
#define NGX_HTTP_TRADESEC_SOCKETS_MIN      4096

/* What tells users and addresses apart, in front of what is hashed. */

#define NGX_HTTP_TRADESEC_SOCKETS_USER     1
#define NGX_HTTP_TRADESEC_SOCKETS_ADDRESS  2
#define NGX_HTTP_TRADESEC_SOCKETS_PLACE    3

/* Slots looked at under one lock by who reads the list. */

#define NGX_HTTP_TRADESEC_SOCKETS_MOST     4096


typedef struct {
    const ngx_http_tradesec_area_t  *area;
    uint32_t                         slot;
} ngx_http_tradesec_sockets_slot_t;


static ngx_int_t ngx_http_tradesec_sockets_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static void ngx_http_tradesec_sockets_close(void *data);
static ts_traffic_t *ngx_http_tradesec_sockets_join(
    const ngx_http_tradesec_sockets_t *sockets);
static void ngx_http_tradesec_sockets_describe(const u_char *key,
    const ngx_http_request_t *r, const ngx_str_t *user,
    ts_socket_detail_t *detail);
static size_t ngx_http_tradesec_sockets_put(uint8_t *to, size_t size,
    const ngx_str_t *text);
static uint64_t ngx_http_tradesec_sockets_place(const u_char *key,
    const ngx_str_t *location);
static uint64_t ngx_http_tradesec_sockets_user(const u_char *key,
    const ngx_str_t *user, const ngx_http_request_t *r);
static uint64_t ngx_http_tradesec_sockets_address(const u_char *key,
    const ngx_http_request_t *r);
static int ngx_http_tradesec_sockets_alive(uint32_t worker);


ngx_http_tradesec_sockets_t *
ngx_http_tradesec_sockets_create(ngx_conf_t *cf, ngx_flag_t listed,
    ngx_flag_t *no_zone)
{
    ngx_http_tradesec_sockets_t  *sockets;

    *no_zone = 0;

    sockets = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_sockets_t));
    if (sockets == NULL) {
        return NULL;
    }

    sockets->area.name = "sockets";
    sockets->listed = listed;
    sockets->area.version = TS_SOCKETS_VERSION
                            + (listed ? TS_SOCKETS_LISTED : 0);
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
    const ngx_http_tradesec_sockets_t  *sockets = area->data;

    return ts_sockets_init(area->memory, area->size, sockets->listed)
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_tradesec_sockets_open(const ngx_http_tradesec_sockets_t *sockets,
    ngx_http_request_t *r, const ngx_str_t *user,
    const ts_socket_limits_t *limits, ngx_http_tradesec_traffic_t *traffic,
    ts_sockets_e *verdict)
{
    const u_char                      *key;
    ts_socket_t                        socket;
    ts_socket_detail_t                 detail;
    ngx_http_cleanup_t                *cln;
    ngx_http_tradesec_sockets_slot_t  *slot;

    /* before anything is counted: what is counted has to end */

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_tradesec_sockets_slot_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    slot = cln->data;
    slot->area = &sockets->area;
    key = sockets->area.key;

    socket.user = ngx_http_tradesec_sockets_user(key, user, r);
    socket.address = ngx_http_tradesec_sockets_address(key, r);
    socket.worker = (uint32_t) ngx_pid;
    socket.counted = (limits->user || limits->address);

    if (sockets->listed) {
        ngx_http_tradesec_sockets_describe(key, r, user, &detail);
    }

    ngx_http_tradesec_area_lock(&sockets->area);

    traffic->worker = ngx_http_tradesec_sockets_join(sockets);
    *verdict = ts_sockets_open(sockets->area.memory, &socket, &detail, limits,
                               ngx_http_tradesec_sockets_alive, &slot->slot);

    ngx_http_tradesec_area_unlock(&sockets->area);

    if (*verdict == TS_SOCKETS_OK) {
        cln->handler = ngx_http_tradesec_sockets_close;
        traffic->socket = ts_sockets_detail(sockets->area.memory, slot->slot);
        traffic->slot = slot->slot;
        traffic->taken = 1;
    }

    return NGX_OK;
}


void
ngx_http_tradesec_sockets_name(const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_request_t *r, const ngx_http_tradesec_traffic_t *traffic,
    const ngx_str_t *user, const ts_socket_limits_t *limits,
    ts_sockets_e *verdict)
{
    uint64_t             hash;
    ts_socket_detail_t  *detail;

    *verdict = TS_SOCKETS_OK;

    if (!traffic->taken) {
        return;
    }

    hash = ngx_http_tradesec_sockets_user(sockets->area.key, user, r);
    detail = traffic->socket;

    ngx_http_tradesec_area_lock(&sockets->area);

    *verdict = ts_sockets_name(sockets->area.memory, traffic->slot, hash,
                               limits, ngx_http_tradesec_sockets_alive);

    if (detail != NULL) {
        detail->user_len = (uint16_t)
            ngx_http_tradesec_sockets_put(detail->user, TS_SOCKETS_USER,
                                          user);
    }

    ngx_http_tradesec_area_unlock(&sockets->area);
}


/* Once in each process, and anew when a reload has made another zone. */

static ts_traffic_t *
ngx_http_tradesec_sockets_join(const ngx_http_tradesec_sockets_t *sockets)
{
    static void          *joined;
    static ngx_pid_t      pid;
    static ts_traffic_t  *row;

    if (joined != sockets->area.memory || pid != ngx_pid) {
        joined = sockets->area.memory;
        pid = ngx_pid;
        row = ts_sockets_join(sockets->area.memory, (uint32_t) ngx_pid,
                              ngx_http_tradesec_sockets_alive);
    }

    return row;
}


static void
ngx_http_tradesec_sockets_describe(const u_char *key,
    const ngx_http_request_t *r, const ngx_str_t *user,
    ts_socket_detail_t *detail)
{
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_memzero(detail, sizeof(ts_socket_detail_t));

    detail->since = (uint32_t) ngx_time();
    detail->location_hash = ngx_http_tradesec_sockets_place(key, &clcf->name);

    detail->user_len = (uint16_t)
        ngx_http_tradesec_sockets_put(detail->user, TS_SOCKETS_USER, user);
    detail->location_len = (uint8_t)
        ngx_http_tradesec_sockets_put(detail->location, TS_SOCKETS_LOCATION,
                                      &clcf->name);
    detail->address_len = (uint8_t)
        ngx_http_tradesec_sockets_put(detail->address, TS_SOCKETS_ADDRESS,
                                      &r->connection->addr_text);
}


/* Cuts between two characters. */

static size_t
ngx_http_tradesec_sockets_put(uint8_t *to, size_t size, const ngx_str_t *text)
{
    size_t  len;

    len = text->len;

    if (len > size) {
        len = size;

        while (len > 0 && (text->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    if (len > 0) {
        ngx_memcpy(to, text->data, len);
    }

    return len;
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


static uint64_t
ngx_http_tradesec_sockets_place(const u_char *key, const ngx_str_t *location)
{
    uint64_t  hash[2];

    ts_siphash(key, NGX_HTTP_TRADESEC_SOCKETS_PLACE,
               ts_slice(location->data, location->len), hash);

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


ngx_uint_t
ngx_http_tradesec_sockets_list(const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_tradesec_sockets_filter_t *filter, uint32_t *cursor,
    ts_sockets_row_t *rows, ngx_uint_t n)
{
    uint32_t              found;
    const u_char         *key;
    ts_sockets_t         *table;
    ts_sockets_filter_t   hashes;

    table = sockets->area.memory;
    key = sockets->area.key;

    hashes.user = filter->user.len
                  ? ngx_http_tradesec_sockets_user(key, &filter->user, NULL)
                  : 0;
    hashes.location = filter->location.len
                      ? ngx_http_tradesec_sockets_place(key, &filter->location)
                      : 0;
    found = 0;

    do {
        ngx_http_tradesec_area_lock(&sockets->area);

        found += ts_sockets_list(table, &hashes, cursor,
                                 NGX_HTTP_TRADESEC_SOCKETS_MOST, rows + found,
                                 (uint32_t) n - found);

        ngx_http_tradesec_area_unlock(&sockets->area);

    } while (*cursor != 0 && found < n);

    return found;
}


void
ngx_http_tradesec_sockets_sum(const ngx_http_tradesec_sockets_t *sockets,
    ts_traffic_t *sum, uint32_t *open, uint32_t *room)
{
    ts_sockets_t  *table;

    table = sockets->area.memory;

    ts_traffic_sum(ts_sockets_traffic(table), table->rows, sum);

    ngx_http_tradesec_area_lock(&sockets->area);

    (void) ts_sockets_sweep(table, ngx_http_tradesec_sockets_alive);
    *open = ts_sockets_count(table);

    ngx_http_tradesec_area_unlock(&sockets->area);

    *room = table->size - *open;
}
