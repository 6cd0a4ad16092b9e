/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Attempts to log in, counted in an area of tradesec_zone.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_state.h"
#include "store/ngx_http_tradesec_attempts_store.h"
#include "store/ngx_http_tradesec_zone.h"


#define NGX_HTTP_TRADESEC_ATTEMPTS_SHARE  2     /* of the zone */
#define NGX_HTTP_TRADESEC_ATTEMPTS_DUMP   64    /* locks read in one go */

/* longer than any lock that ends, and short of what was for ever long ago */

#define NGX_HTTP_TRADESEC_ATTEMPTS_YEARS  (10 * 365 * 86400)


typedef struct {
    ngx_http_tradesec_attempts_store_t  store;
    ngx_http_tradesec_area_t            area;
} ngx_http_tradesec_attempts_zone_t;


static ngx_int_t ngx_http_tradesec_attempts_reserve(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_attempts_forget(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_attempts_settle(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res, ts_attempts_outcome_e outcome,
    ngx_log_t *log);
static ngx_inline ts_attempts_verdict_t ngx_http_tradesec_attempts_judge(
    const ngx_http_tradesec_area_t *area, const ts_attempt_t *attempt);
static ngx_inline uint32_t ngx_http_tradesec_attempts_charge(
    const ngx_http_tradesec_area_t *area, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome);
static ngx_int_t ngx_http_tradesec_attempts_zone_operate(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry);
static void ngx_http_tradesec_attempts_dismiss(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry);
static ngx_int_t ngx_http_tradesec_attempts_list(
    ngx_http_tradesec_area_t *area, ngx_http_tradesec_inquiry_t *inquiry);
static void ngx_http_tradesec_attempts_clear(ngx_http_tradesec_area_t *area,
    ngx_http_tradesec_inquiry_t *inquiry);
static ngx_inline uint32_t ngx_http_tradesec_attempts_now(void);
static ngx_int_t ngx_http_tradesec_attempts_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static uint64_t ngx_http_tradesec_attempts_changes(
    ngx_http_tradesec_area_t *area);
static size_t ngx_http_tradesec_attempts_dump(ngx_http_tradesec_area_t *area,
    uint32_t *cursor, u_char *buf, size_t size);
static ngx_flag_t ngx_http_tradesec_attempts_load(
    ngx_http_tradesec_area_t *area, ts_slice_t line);


static const ngx_http_tradesec_area_state_t
    ngx_http_tradesec_attempts_state = {
    ngx_http_tradesec_attempts_changes,
    ngx_http_tradesec_attempts_dump,
    ngx_http_tradesec_attempts_load
};


ngx_http_tradesec_attempts_store_t *
ngx_http_tradesec_attempts_zone(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_int_t                           rc;
    ngx_http_tradesec_attempts_zone_t  *zone;

    *no_zone = 0;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_attempts_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->area.name = "login";
    zone->area.version = TS_ATTEMPTS_VERSION;
    zone->area.share = NGX_HTTP_TRADESEC_ATTEMPTS_SHARE;
    zone->area.min = TS_ATTEMPTS_SIZE_MIN;
    zone->area.init = ngx_http_tradesec_attempts_init;
    zone->area.state = &ngx_http_tradesec_attempts_state;

    rc = ngx_http_tradesec_zone_add(cf, &zone->area);

    if (rc != NGX_OK) {
        *no_zone = rc == NGX_DECLINED;
        return NULL;
    }

    zone->store.key = (const u_char *const *) &zone->area.key;
    zone->store.reserve = ngx_http_tradesec_attempts_reserve;
    zone->store.forget = ngx_http_tradesec_attempts_forget;
    zone->store.settle = ngx_http_tradesec_attempts_settle;
    zone->store.operate = ngx_http_tradesec_attempts_zone_operate;
    zone->store.dismiss = ngx_http_tradesec_attempts_dismiss;
    zone->store.data = &zone->area;

    return &zone->store;
}


static ngx_int_t
ngx_http_tradesec_attempts_reserve(ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res)
{
    res->verdict = ngx_http_tradesec_attempts_judge(store->data,
                                                    &res->attempt);
    res->home = NGX_HTTP_TRADESEC_HOME_LOCAL;
    res->rc = NGX_OK;

    return NGX_OK;
}


/* Nobody waits for shared memory. */

static void
ngx_http_tradesec_attempts_forget(ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res)
{
    /* void */
}


static void
ngx_http_tradesec_attempts_settle(ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_reservation_t *res, ts_attempts_outcome_e outcome,
    ngx_log_t *log)
{
    uint32_t  seconds;

    seconds = ngx_http_tradesec_attempts_charge(store->data, &res->attempt,
                                                outcome);

    if (seconds) {
        ngx_http_tradesec_attempts_log_lock(log, res->counter, res->account,
                                            seconds);
    }
}


void
ngx_http_tradesec_attempts_zone_mirror(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt)
{
    uint32_t                   now;
    ngx_http_tradesec_area_t  *area = zone->data;

    now = ngx_http_tradesec_attempts_now();

    ngx_http_tradesec_area_lock(area);
    (void) ts_attempts_mirror(area->memory, attempt, now);
    ngx_http_tradesec_area_unlock(area);
}


ts_attempts_verdict_t
ngx_http_tradesec_attempts_zone_reserve(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt)
{
    return ngx_http_tradesec_attempts_judge(zone->data, attempt);
}


static ngx_inline ts_attempts_verdict_t
ngx_http_tradesec_attempts_judge(const ngx_http_tradesec_area_t *area,
    const ts_attempt_t *attempt)
{
    uint32_t               now;
    ts_attempts_verdict_t  verdict;

    now = ngx_http_tradesec_attempts_now();

    ngx_http_tradesec_area_lock(area);
    verdict = ts_attempts_reserve(area->memory, attempt, now);
    ngx_http_tradesec_area_unlock(area);

    return verdict;
}


uint32_t
ngx_http_tradesec_attempts_zone_settle(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome)
{
    return ngx_http_tradesec_attempts_charge(zone->data, attempt, outcome);
}


static ngx_inline uint32_t
ngx_http_tradesec_attempts_charge(const ngx_http_tradesec_area_t *area,
    const ts_attempt_t *attempt, ts_attempts_outcome_e outcome)
{
    uint32_t              now;
    ts_attempts_locked_t  locked;

    now = ngx_http_tradesec_attempts_now();

    ngx_http_tradesec_area_lock(area);
    locked = ts_attempts_settle(area->memory, attempt, outcome, now);
    ngx_http_tradesec_area_unlock(area);

    return locked.n ? locked.until - now : 0;
}


static ngx_int_t
ngx_http_tradesec_attempts_zone_operate(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    ngx_uint_t                 i;
    ngx_http_tradesec_area_t  *area = store->data;

    inquiry->home = NGX_HTTP_TRADESEC_HOME_LOCAL;
    inquiry->rc = NGX_OK;

    switch (inquiry->what) {

    case NGX_HTTP_TRADESEC_INQUIRY_LIST:
        inquiry->rc = ngx_http_tradesec_attempts_list(area, inquiry);
        break;

    case NGX_HTTP_TRADESEC_INQUIRY_LOOK:

        for (i = 0; i < inquiry->n; i++) {
            ngx_http_tradesec_area_lock(area);
            (void) ts_attempts_look(area->memory, &inquiry->keys[i],
                                    inquiry->window,
                                    ngx_http_tradesec_attempts_now(),
                                    &inquiry->views[i]);
            ngx_http_tradesec_area_unlock(area);
        }

        break;

    default: /* NGX_HTTP_TRADESEC_INQUIRY_CLEAR */
        ngx_http_tradesec_attempts_clear(area, inquiry);
        break;
    }

    return inquiry->rc;
}


/* Nobody waits for shared memory. */

static void
ngx_http_tradesec_attempts_dismiss(ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    /* void */
}


static ngx_int_t
ngx_http_tradesec_attempts_list(ngx_http_tradesec_area_t *area,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    uint32_t             i, n, now, cursor;
    ts_attempts_lock_t  *locks;

    locks = ngx_palloc(inquiry->pool,
                       inquiry->enough * sizeof(ts_attempts_lock_t));
    if (locks == NULL) {
        return NGX_ERROR;
    }

    now = ngx_http_tradesec_attempts_now();
    cursor = (uint32_t) ngx_min(inquiry->cursor, UINT32_MAX);
    n = 0;

    do {
        ngx_http_tradesec_area_lock(area);
        n += ts_attempts_locks(area->memory, &cursor, locks + n,
                               (uint32_t) inquiry->enough - n, now);
        ngx_http_tradesec_area_unlock(area);
    } while (cursor != 0 && n < inquiry->enough);

    for (i = 0; i < n; i++) {

        if (locks[i].until != TS_ATTEMPTS_FOREVER) {
            locks[i].until = locks[i].until > now ? locks[i].until - now : 1;
        }
    }

    inquiry->cursor = cursor;
    inquiry->locks.elts = locks;
    inquiry->locks.nelts = n;

    return NGX_OK;
}


/* In bounded steps, between which others have the mutex. */

static void
ngx_http_tradesec_attempts_clear(ngx_http_tradesec_area_t *area,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    uint32_t    now, cursor;
    ngx_uint_t  i;

    now = ngx_http_tradesec_attempts_now();
    cursor = 0;
    inquiry->cleared = 0;

    for (i = 0; i < inquiry->n; i++) {
        ngx_http_tradesec_area_lock(area);
        inquiry->cleared += (ngx_uint_t) ts_attempts_clear(area->memory,
                                                &inquiry->keys[i], now);
        ngx_http_tradesec_area_unlock(area);
    }

    if (inquiry->part.mask == 0) {
        return;
    }

    do {
        ngx_http_tradesec_area_lock(area);
        inquiry->cleared += ts_attempts_clear_part(area->memory, &cursor,
                                                   &inquiry->part, now);
        ngx_http_tradesec_area_unlock(area);
    } while (cursor);
}


void
ngx_http_tradesec_attempts_log_lock(ngx_log_t *log, const ngx_str_t *counter,
    uint32_t account, uint32_t seconds)
{
    if (seconds > NGX_HTTP_TRADESEC_ATTEMPTS_YEARS) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "tradesec: login locked for good, "
                      "counter: \"%V\", account: %08xD", counter, account);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "tradesec: login locked for %uD seconds, "
                  "counter: \"%V\", account: %08xD",
                  seconds, counter, account);
}


/*
 * Seconds of monotonic time, which all processes of the machine share and
 * which a reload does not change; a restart begins with an empty zone.
 */

static ngx_inline uint32_t
ngx_http_tradesec_attempts_now(void)
{
    return (uint32_t) (ngx_current_msec / 1000) + 1;
}


static ngx_int_t
ngx_http_tradesec_attempts_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    uint32_t  lost;

    (void) ts_attempts_init(area->memory, area->size);

    if (old == NULL) {
        return NGX_OK;
    }

    lost = ts_attempts_copy(area->memory, old);

    if (lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "tradesec_zone is smaller than before: %uD login locks "
                      "had no room", lost);
    }

    return NGX_OK;
}


static uint64_t
ngx_http_tradesec_attempts_changes(ngx_http_tradesec_area_t *area)
{
    ts_attempts_stats_t  stats;

    ngx_http_tradesec_area_lock(area);
    stats = ts_attempts_stats(area->memory);
    ngx_http_tradesec_area_unlock(area);

    return stats.locks + stats.cleared;
}


static size_t
ngx_http_tradesec_attempts_dump(ngx_http_tradesec_area_t *area,
    uint32_t *cursor, u_char *buf, size_t size)
{
    u_char              *p;
    uint32_t             i, n, now;
    ts_state_lock_t      lock;
    ts_attempts_lock_t   locks[NGX_HTTP_TRADESEC_ATTEMPTS_DUMP];

    now = ngx_http_tradesec_attempts_now();

    n = ngx_min(size / TS_STATE_LINE_MAX, NGX_HTTP_TRADESEC_ATTEMPTS_DUMP);

    ngx_http_tradesec_area_lock(area);
    n = ts_attempts_locks(area->memory, cursor, locks, n, now);
    ngx_http_tradesec_area_unlock(area);

    p = buf;

    for (i = 0; i < n; i++) {

        /* the table's time may be ahead of this process */

        lock.key = locks[i].key;
        lock.left = locks[i].until == TS_ATTEMPTS_FOREVER ? UINT32_MAX
                    : locks[i].until > now ? locks[i].until - now : 1;
        lock.until = (uint64_t) ngx_time() + lock.left;
        lock.level = locks[i].level;

        p += ts_state_write_lock((char *) p, &lock);
    }

    return p - buf;
}


static ngx_flag_t
ngx_http_tradesec_attempts_load(ngx_http_tradesec_area_t *area,
    ts_slice_t line)
{
    uint32_t            now, left;
    ts_state_lock_t     lock;
    ts_attempts_lock_t  restored;

    if (!ts_state_read_lock(line, &lock)) {
        return 0;
    }

    now = ngx_http_tradesec_attempts_now();
    left = ts_state_lock_left(&lock, (uint64_t) ngx_time());

    if (left == 0) {
        return 1;
    }

    restored.key = lock.key;
    /* what has no end was written as longer than any that has one */

    restored.until = left > NGX_HTTP_TRADESEC_ATTEMPTS_YEARS
                     ? TS_ATTEMPTS_FOREVER : now + left;
    restored.level = lock.level;

    return ts_attempts_restore(area->memory, &restored, now);
}
