/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How revocations outlive their memory: listed, and put back elsewhere; and
 * what is not about tokens, the freeze and the clock.
 */

#include "core/ts_revocations_table.h"


/* Seconds: a wall clock that is further ahead has jumped; and how long it is
   not believed. */

#define TS_REVOCATIONS_JUMP    60
#define TS_REVOCATIONS_DOUBT   3600


ts_revocation_t
ts_revocations_freeze(ts_revocations_t *t, int on, uint32_t now)
{
    uint64_t         freeze, last;
    ts_revocation_t  r;

    last = t->freeze >> 1;

    if (last > now) {
        now = (uint32_t) last;
    }

    /* lifted in the same second it would still be frozen */

    if (!on && last == now) {
        now++;
    }

    freeze = (uint64_t) now << 1 | (on ? 1 : 0);

    if (freeze > t->freeze) {
        ts_store(&t->freeze, freeze);
    }

    r.key = ts_revocation_key(TS_REVOKED_FREEZE, 0);
    r.time = (uint32_t) (t->freeze >> 1);
    r.expires = (uint32_t) (t->freeze & 1);

    return r;
}


uint32_t
ts_revocations_now(ts_revocations_t *t, int64_t wall, int64_t steady)
{
    int64_t  passed, expected;

    passed = steady - t->steady;
    expected = t->wall + passed;

    if (t->wall != 0 && passed >= 0 && passed < TS_REVOCATIONS_DOUBT
        && wall > expected + TS_REVOCATIONS_JUMP)
    {
        return ts_revocation_time(expected);
    }

    t->wall = wall;
    t->steady = steady;

    return ts_revocation_time(wall);
}


uint32_t
ts_revocations_list(const ts_revocations_t *t, uint32_t *cursor,
    ts_revocation_t *entries, uint32_t n, uint32_t now)
{
    uint32_t                      i, end, filled;
    const ts_revocations_slot_t  *slot;

    filled = 0;

    if (*cursor == 0 && n >= 2) {

        if (t->cutoff != 0 && (uint32_t) t->cutoff > now) {
            entries[filled].key = ts_revocation_key(TS_REVOKED_CUTOFF, 0);
            entries[filled].time = (uint32_t) (t->cutoff >> 32);
            entries[filled++].expires = (uint32_t) t->cutoff;
        }

        if (t->freeze != 0) {
            entries[filled].key = ts_revocation_key(TS_REVOKED_FREEZE, 0);
            entries[filled].time = (uint32_t) (t->freeze >> 1);
            entries[filled++].expires = (uint32_t) (t->freeze & 1);
        }
    }

    /* bounded, as the caller may hold a lock */

    end = t->n - *cursor > 16 * n ? *cursor + 16 * n : t->n;

    for (i = *cursor; i < end && filled < n; i++) {
        slot = &t->slots[i];

        if (slot->key > TS_REVOCATIONS_BUSY
            && !ts_revocations_is_over(slot, now))
        {
            entries[filled].key = slot->key;
            entries[filled].time = (uint32_t) (slot->times >> 32);
            entries[filled++].expires = (uint32_t) slot->times;
        }
    }

    *cursor = i < t->n ? i : 0;

    return filled;
}


int
ts_revocations_get(const ts_revocations_t *t, uint64_t key, ts_revocation_t *r)
{
    uint64_t  times;

    r->key = key;

    switch (ts_revocation_kind(key)) {

    case TS_REVOKED_FREEZE:
        times = ts_load(&t->freeze);
        r->time = (uint32_t) (times >> 1);
        r->expires = (uint32_t) (times & 1);
        return times != 0;

    case TS_REVOKED_CUTOFF:
        times = ts_load(&t->cutoff);
        break;

    default:
        times = ts_revocations_slot(t, key);
    }

    r->time = (uint32_t) (times >> 32);
    r->expires = (uint32_t) times;

    return times != 0;
}


/* A session may be issued more later, and an exemption covers nothing. */

static int
ts_revocations_is_cut(const ts_revocations_t *t, const ts_revocation_t *r)
{
    ts_revoked_e  kind;

    kind = ts_revocation_kind(r->key);

    return kind != TS_REVOKED_SESSION && kind != TS_REVOKED_EXEMPT
           && r->time <= (uint32_t) (t->cutoff >> 32)
           && r->expires <= (uint32_t) t->cutoff;
}


int
ts_revocations_rename(ts_revocations_t *t, uint32_t now)
{
    int       some;
    uint32_t  i, expires;

    ts_revocations_open(t, now);

    for (i = 0, expires = 0; i < t->n; i++) {
        if (t->slots[i].key > TS_REVOCATIONS_BUSY
            && (uint32_t) t->slots[i].times > expires)
        {
            expires = (uint32_t) t->slots[i].times;
        }
    }

    some = expires > now;

    if (some) {
        ts_revocations_raise(t, now, expires);
    }

    for (i = 0; i < t->n; i++) {
        ts_store(&t->slots[i].key, 0);
    }

    t->used = 0;

    ts_revocations_close(t);

    return some;
}


int
ts_revocations_restore(ts_revocations_t *t, const ts_revocation_t *r,
    uint32_t now)
{
    uint64_t  freeze;

    switch (ts_revocation_kind(r->key)) {

    case TS_REVOKED_NOTHING:
        return 0;

    case TS_REVOKED_FREEZE:
        freeze = (uint64_t) r->time << 1 | (r->expires & 1);

        if (freeze > t->freeze) {
            ts_store(&t->freeze, freeze);
        }

        return 1;

    case TS_REVOKED_CUTOFF:

        if (r->expires > now) {
            ts_revocations_open(t, now);
            ts_revocations_raise(t, r->time, r->expires);
            ts_revocations_close(t);
        }

        return 1;

    default:
        return r->expires <= now || ts_revocations_is_cut(t, r)
               || ts_revocations_add(t, r, NULL, now);
    }
}


ts_revocations_stats_t
ts_revocations_stats(const ts_revocations_t *t)
{
    ts_revocations_stats_t  stats;

    stats.entries = t->used;
    stats.room = t->limit;
    stats.cutoff = (uint32_t) (t->cutoff >> 32);
    stats.cutoff_expires = (uint32_t) t->cutoff;
    stats.frozen = (t->freeze & 1) ? (uint32_t) (t->freeze >> 1) : 0;

    return stats;
}
