/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_store.h"


#define NGX_HTTP_TRADESEC_REDIS_WATCH_VERSION  1
#define NGX_HTTP_TRADESEC_REDIS_WATCH_SIZE     4096
#define NGX_HTTP_TRADESEC_REDIS_WATCH_WORKERS  200


/* One that is killed leaves his behind, and it is given to another. */

typedef struct {
    uint32_t      pid;                  /* 0: free */
    uint32_t      open;
    uint64_t      since;                /* ms; when it is not open */
} ngx_http_tradesec_redis_worker_t;


typedef struct {
    ngx_atomic_t  counts[NGX_HTTP_TRADESEC_REDIS_COUNTS];
    ngx_http_tradesec_redis_worker_t
                  workers[NGX_HTTP_TRADESEC_REDIS_WATCH_WORKERS];
} ngx_http_tradesec_redis_board_t;


static ngx_int_t ngx_http_tradesec_redis_watch_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static ngx_flag_t ngx_http_tradesec_redis_watch_alive(
    const ngx_http_tradesec_redis_worker_t *worker);


/* Of this worker; NULL: there is no zone, or no place left in it. */

static ngx_http_tradesec_redis_board_t   *ngx_http_tradesec_redis_board;
static ngx_http_tradesec_redis_worker_t  *ngx_http_tradesec_redis_place;


ngx_int_t
ngx_http_tradesec_redis_watch_add(ngx_conf_t *cf,
    ngx_http_tradesec_area_t *area)
{
    area->name = "redis";
    area->version = NGX_HTTP_TRADESEC_REDIS_WATCH_VERSION;
    area->min = NGX_HTTP_TRADESEC_REDIS_WATCH_SIZE;
    area->init = ngx_http_tradesec_redis_watch_init;

    return ngx_http_tradesec_zone_add(cf, area);
}


/* Workers of the old zone go on there. */

static ngx_int_t
ngx_http_tradesec_redis_watch_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    ngx_uint_t                        i;
    ngx_http_tradesec_redis_board_t  *board = area->memory, *from = old;

    if (sizeof(ngx_http_tradesec_redis_board_t) > area->size) {
        return NGX_ERROR;
    }

    ngx_memzero(board, sizeof(ngx_http_tradesec_redis_board_t));

    for (i = 0; from != NULL && i < NGX_HTTP_TRADESEC_REDIS_COUNTS; i++) {
        board->counts[i] = from->counts[i];
    }

    return NGX_OK;
}


void
ngx_http_tradesec_redis_watch_join(const ngx_http_tradesec_area_t *area)
{
    ngx_uint_t                         i;
    ngx_http_tradesec_redis_board_t   *board;
    ngx_http_tradesec_redis_worker_t  *worker;

    board = area->memory;
    ngx_http_tradesec_redis_board = board;

    if (board == NULL) {
        return;
    }

    ngx_http_tradesec_area_lock(area);

    for (i = 0; i < NGX_HTTP_TRADESEC_REDIS_WATCH_WORKERS; i++) {
        worker = &board->workers[i];

        if (!ngx_http_tradesec_redis_watch_alive(worker)) {
            worker->pid = (uint32_t) ngx_pid;
            worker->open = 0;
            worker->since = ngx_current_msec;
            ngx_http_tradesec_redis_place = worker;
            break;
        }
    }

    ngx_http_tradesec_area_unlock(area);
}


void
ngx_http_tradesec_redis_watch_leave(void)
{
    if (ngx_http_tradesec_redis_place != NULL) {
        ngx_http_tradesec_redis_watch(1);
        ngx_http_tradesec_redis_place->pid = 0;
        ngx_http_tradesec_redis_place = NULL;
    }
}


void
ngx_http_tradesec_redis_watch(ngx_flag_t open)
{
    ngx_http_tradesec_redis_board_t   *board = ngx_http_tradesec_redis_board;
    ngx_http_tradesec_redis_worker_t  *worker = ngx_http_tradesec_redis_place;

    if (worker == NULL || worker->open == (uint32_t) open) {
        return;
    }

    if (open) {
        (void) ngx_atomic_fetch_add(
                                 &board->counts[NGX_HTTP_TRADESEC_REDIS_MSEC],
                                 ngx_current_msec - worker->since);

    } else {
        worker->since = ngx_current_msec;
    }

    worker->open = (uint32_t) open;
}


void
ngx_http_tradesec_redis_count(ngx_http_tradesec_redis_count_e what)
{
    if (ngx_http_tradesec_redis_board != NULL) {
        (void) ngx_atomic_fetch_add(
                           &ngx_http_tradesec_redis_board->counts[what], 1);
    }
}


void
ngx_http_tradesec_redis_sum(ngx_http_request_t *r,
    ngx_http_tradesec_redis_sum_t *sum)
{
    ngx_uint_t                               i;
    ngx_http_tradesec_redis_board_t         *board;
    const ngx_http_tradesec_store_conf_t    *scf;
    const ngx_http_tradesec_redis_worker_t  *worker;

    ngx_memzero(sum, sizeof(ngx_http_tradesec_redis_sum_t));

    scf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_store_module);

    board = scf->redis.redis ? scf->redis.redis->watch.memory : NULL;

    if (board == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_TRADESEC_REDIS_COUNTS; i++) {
        sum->counts[i] = board->counts[i];
    }

    for (i = 0; i < NGX_HTTP_TRADESEC_REDIS_WATCH_WORKERS; i++) {
        worker = &board->workers[i];

        if (!ngx_http_tradesec_redis_watch_alive(worker)) {
            continue;
        }

        sum->workers++;

        if (!worker->open) {
            sum->away++;
            sum->counts[NGX_HTTP_TRADESEC_REDIS_MSEC] +=
                                            ngx_current_msec - worker->since;
        }
    }
}


static ngx_flag_t
ngx_http_tradesec_redis_watch_alive(
    const ngx_http_tradesec_redis_worker_t *worker)
{
    return worker->pid != 0
           && (kill((pid_t) worker->pid, 0) == 0 || ngx_errno == NGX_EPERM);
}
