/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The one shared memory zone (tradesec_zone), divided into areas: one for
 * each feature that keeps state there. An area is a block of fixed size that
 * the feature lays out by itself, so it can be copied to another address and
 * another size: it must hold offsets, never pointers.
 */

#ifndef NGX_HTTP_TRADESEC_ZONE_H
#define NGX_HTTP_TRADESEC_ZONE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_types.h"


#define NGX_HTTP_TRADESEC_ZONE_KEY_LEN   16


typedef struct ngx_http_tradesec_area_s  ngx_http_tradesec_area_t;

/*
 * Called in the master, before the workers start, for an area that has just
 * been created, zeroed. When a reload changed the zone's size or its division,
 * old and old_size are the same area of the old zone, for copying; the old
 * zone's mutex is held, and its workers are still at work with it: what they
 * change later is lost. Else old is NULL. Not called when a reload keeps the
 * zone as it is.
 */

typedef ngx_int_t (*ngx_http_tradesec_area_init_pt)(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);


/*
 * What the state file (state=) keeps of an area over a restart, as lines of
 * text; see core/ts_state.h. The mutex is not held.
 */

typedef struct {

    /* a number that differs when something worth keeping has changed */

    uint64_t                       (*changes)(ngx_http_tradesec_area_t *area);

    /*
     * Writes some lines to buf, from *cursor on, which starts at 0 and is 0
     * again behind the last. Quick: it is called by a worker at work.
     */

    size_t                         (*dump)(ngx_http_tradesec_area_t *area,
                                           uint32_t *cursor, u_char *buf,
                                           size_t size);

    /* takes a line, in the master; 0 when it is none of the area's */

    ngx_flag_t                     (*load)(ngx_http_tradesec_area_t *area,
                                           ts_slice_t line);
} ngx_http_tradesec_area_state_t;


struct ngx_http_tradesec_area_s {

    /* by the feature, from the cycle's pool */

    const char                      *name;       /* at most 15 bytes */
    uint32_t                         version;    /* of its layout: an old area
                                                    of another is not copied */
    uint32_t                         tag;        /* of what is in it: when it
                                                    differs, the zone is made
                                                    anew and the area copied */
    ngx_uint_t                       share;      /* of the zone, as parts of
                                                    the sum of all shares; 0:
                                                    min, and no more */
    size_t                           min;        /* smallest useful size */
    ngx_http_tradesec_area_init_pt   init;
    void                            *data;       /* the feature's own */

    const ngx_http_tradesec_area_state_t
                                    *state;      /* NULL: nothing is kept */

    const ngx_str_t                 *state_path; /* by zone_add(); empty: there
                                                    is no state file */

    /* by the zone, when the shared memory exists */

    void                            *memory;     /* aligned to a page */
    size_t                           size;
    u_char                          *key;        /* random, kept by copying
                                                    and by the state file */
    ngx_slab_pool_t                 *shpool;
    volatile ngx_pid_t              *keeper;     /* of the zone: the process
                                                    that writes its files */
    ngx_flag_t                       fresh;      /* created, and not copied */
};


/*
 * Asks for an area while configurations are being merged, once per feature.
 * NGX_DECLINED when there is no tradesec_zone.
 */

ngx_int_t ngx_http_tradesec_zone_add(ngx_conf_t *cf,
    ngx_http_tradesec_area_t *area);


/*
 * The zone's mutex: the one that nginx unlocks when its holder dies. Hold it
 * shortly, and never across a callback. Who finds its area half changed by a
 * dead worker has to put it right.
 */

static ngx_inline void
ngx_http_tradesec_area_lock(const ngx_http_tradesec_area_t *area)
{
    ngx_shmtx_t  *mutex;

    mutex = &area->shpool->mutex;

    /* free, as it is nearly always: without a call */

    if (!ngx_atomic_cmp_set(mutex->lock, 0, ngx_pid)) {
        ngx_shmtx_lock(mutex);
    }
}


static ngx_inline void
ngx_http_tradesec_area_unlock(const ngx_http_tradesec_area_t *area)
{
#if (NGX_HAVE_POSIX_SEM)

    ngx_shmtx_t  *mutex;

    mutex = &area->shpool->mutex;

    /*
     * without a call, too, when nobody sleeps; who holds it by now wakes those
     * who do
     */

    if (ngx_atomic_cmp_set(mutex->lock, ngx_pid, 0)
        && (*mutex->wait == 0 || !ngx_shmtx_trylock(mutex)))
    {
        return;
    }

#endif

    ngx_shmtx_unlock(&area->shpool->mutex);
}


#endif /* NGX_HTTP_TRADESEC_ZONE_H */
