/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_revocations_table.h"


/* Slots that each writer looks through for what has expired. */

#define TS_REVOCATIONS_SWEEP   64


static int ts_revocations_put(ts_revocations_t *t, const ts_revocation_t *r,
    uint32_t now);
static void ts_revocations_sweep(ts_revocations_t *t, uint32_t steps,
    uint32_t now);
static void ts_revocations_cut(ts_revocations_t *t, const ts_revocation_t *r,
    uint32_t now);


ts_revocations_t *
ts_revocations_init(void *memory, size_t size)
{
    size_t             n;
    ts_revocations_t  *t;

    if (size < TS_REVOCATIONS_SIZE_MIN) {
        return NULL;
    }

    t = memory;
    n = (size - sizeof(ts_revocations_t)) / TS_REVOCATIONS_SLOT;

    t->n = n > UINT32_MAX ? UINT32_MAX : (uint32_t) n;
    t->limit = t->n / 3 * 2;
    t->cursor = t->n - 1;

    return t;
}


/* Returns whether the entry is there; its times too. */

static inline int
ts_revocations_probe(const ts_revocations_t *t, uint64_t key, uint64_t *when)
{
    uint32_t                      i, left;
    uint64_t                      found, times;
    const ts_revocations_slot_t  *slot;

    i = ts_revocations_first(t, key);

    for (left = t->n; left; left--) {
        slot = &t->slots[i];
        found = ts_load(&slot->key);

        if (found == 0) {
            return 0;
        }

        if (found == key) {
            times = ts_load(&slot->times);

            if (ts_load(&slot->key) == key) {
                *when = times;
                return 1;
            }
        }

        i = ts_revocations_next(t, i);
    }

    return 0;
}


static inline int
ts_revocations_lookup(const ts_revocations_t *t, uint64_t key, uint32_t *time)
{
    uint64_t  times;

    if (!ts_revocations_probe(t, key, &times)) {
        return 0;
    }

    *time = (uint32_t) (times >> 32);

    return 1;
}


uint64_t
ts_revocations_slot(const ts_revocations_t *t, uint64_t key)
{
    uint64_t  times;

    return ts_revocations_probe(t, key, &times) ? times : 0;
}


/* Whether the token is covered by an entry for what was issued up to a time. */

static int
ts_revocations_until(const ts_revocations_t *t, uint64_t key,
    const ts_revocation_subject_t *subject)
{
    uint32_t  time, exempt;

    exempt = 0;

    if (!ts_revocations_lookup(t, key, &time) || subject->issued > time) {
        return 0;
    }

    return !ts_revocations_lookup(t, ts_revocation_exempt(subject->token),
                                  &exempt)
           || exempt < time;
}


ts_revoked_e
ts_revocations_find(const ts_revocations_t *t,
    const ts_revocation_subject_t *subject)
{
    uint32_t  kinds, time;
    uint64_t  cutoff;

    kinds = ts_load(&t->kinds);

    if (kinds == 0) {
        return TS_REVOKED_NOTHING;
    }

    if ((kinds & (1 << TS_REVOKED_TOKEN)) && subject->token
        && ts_revocations_lookup(t, subject->token, &time))
    {
        return TS_REVOKED_TOKEN;
    }

    if ((kinds & (1 << TS_REVOKED_SESSION)) && subject->session
        && ts_revocations_lookup(t, subject->session, &time))
    {
        return TS_REVOKED_SESSION;
    }

    if ((kinds & (1 << TS_REVOKED_USER)) && subject->user
        && ts_revocations_until(t, subject->user, subject))
    {
        return TS_REVOKED_USER;
    }

    if ((kinds & (1 << TS_REVOKED_ALL)) && subject->all
        && ts_revocations_until(t, subject->all, subject))
    {
        return TS_REVOKED_ALL;
    }

    /* last: it is raised before the entries go that it covers */

    cutoff = ts_load(&t->cutoff);

    return cutoff != 0 && subject->issued <= (int64_t) (cutoff >> 32)
           ? TS_REVOKED_CUTOFF : TS_REVOKED_NOTHING;
}


uint64_t
ts_revocations_generation(const ts_revocations_t *t)
{
    return ts_load(&t->generation);
}


int
ts_revocations_frozen(const ts_revocations_t *t)
{
    return (int) (ts_load(&t->freeze) & 1);
}


/* Puts right what a dead writer has left, and forgets what has expired. */

void
ts_revocations_open(ts_revocations_t *t, uint32_t now)
{
    uint32_t  i;

    if (t->dirty) {
        t->used = 0;

        for (i = 0; i < t->n; i++) {
            t->used += t->slots[i].key != 0;

            if (t->slots[i].key & 8) {
                t->kinds |= (uint32_t) 1 << (t->slots[i].key & 7);
            }
        }
    }

    t->dirty = 1;

    if (t->cutoff != 0 && (uint32_t) t->cutoff <= now) {
        ts_store(&t->cutoff, 0);
    }

    ts_revocations_sweep(t, TS_REVOCATIONS_SWEEP, now);
}


void
ts_revocations_close(ts_revocations_t *t)
{
    if (t->used == 0 && t->cutoff == 0) {
        ts_store(&t->kinds, 0);
    }

    t->dirty = 0;
}


/*
 * From the end to the beginning, so that of a run of expired entries in front
 * of an empty slot all go at once.
 */

static void
ts_revocations_sweep(ts_revocations_t *t, uint32_t steps, uint32_t now)
{
    uint32_t                i;
    ts_revocations_slot_t  *slot;

    for ( /* void */ ; steps; steps--) {
        i = t->cursor;
        t->cursor = i ? i - 1 : t->n - 1;

        slot = &t->slots[i];

        if (slot->key != 0
            && ts_revocations_is_over(slot, now)
            && t->slots[ts_revocations_next(t, i)].key == 0)
        {
            ts_store(&slot->key, 0);
            t->used--;
        }
    }
}


/* Returns 0 when there is no room. */

static int
ts_revocations_put(ts_revocations_t *t, const ts_revocation_t *r, uint32_t now)
{
    uint32_t                i, left, time, expires;
    uint64_t                times;
    ts_revocations_slot_t  *slot, *place;

    place = NULL;
    slot = NULL;
    i = ts_revocations_first(t, r->key);

    for (left = t->n; left; left--) {
        slot = &t->slots[i];

        if (slot->key == 0 || slot->key == r->key) {
            break;
        }

        if (place == NULL && ts_revocations_is_over(slot, now)) {
            place = slot;
        }

        i = ts_revocations_next(t, i);
    }

    if (left != 0 && slot->key == r->key) {
        time = (uint32_t) (slot->times >> 32);
        expires = (uint32_t) slot->times;

        times = ts_revocations_times(time > r->time ? time : r->time,
                                     expires > r->expires ? expires
                                                          : r->expires);
        if (times != slot->times) {
            ts_store(&slot->times, times);
            ts_store(&t->generation, t->generation + 1);
        }

        return 1;
    }

    if (place == NULL && (left == 0 || t->used >= t->limit)) {
        return 0;
    }

    /* readers that miss the kind have asked before there was an entry */

    ts_store(&t->kinds, t->kinds | (uint32_t) 1 << ts_revocation_kind(r->key));

    if (place == NULL) {
        place = slot;
        t->used++;

    } else {
        ts_store(&place->key, TS_REVOCATIONS_BUSY);
    }

    ts_store(&place->times, ts_revocations_times(r->time, r->expires));
    ts_store(&place->key, r->key);
    ts_store(&t->generation, t->generation + 1);

    return 1;
}


int
ts_revocations_add(ts_revocations_t *t, const ts_revocation_t *r,
    const ts_revocation_t *wider, uint32_t now)
{
    int       rc;
    uint32_t  time;

    ts_revocations_open(t, now);

    if (wider != NULL && t->used >= t->limit / 2
        && !ts_revocations_lookup(t, r->key, &time))
    {
        r = wider;
    }

    rc = ts_revocations_put(t, r, now);

    if (!rc) {
        ts_revocations_sweep(t, t->n, now);

        rc = ts_revocations_put(t, r, now)
             || (wider != NULL && ts_revocations_put(t, wider, now));
    }

    if (!rc) {
        ts_revocations_cut(t, r, now);

        /* what it does not cover has room now */

        (void) ts_revocations_put(t, r, now);
    }

    ts_revocations_close(t);

    return rc;
}


void
ts_revocations_raise(ts_revocations_t *t, uint32_t time, uint32_t expires)
{
    uint32_t  old_time, old_expires;
    uint64_t  times;

    old_time = (uint32_t) (t->cutoff >> 32);
    old_expires = (uint32_t) t->cutoff;

    times = ts_revocations_times(time > old_time ? time : old_time,
                                 expires > old_expires ? expires
                                                       : old_expires);
    if (times == t->cutoff) {
        return;
    }

    ts_store(&t->kinds, t->kinds | (uint32_t) 1 << TS_REVOKED_CUTOFF);
    ts_store(&t->cutoff, times);
    ts_store(&t->generation, t->generation + 1);
}


/*
 * Revokes all that was issued until now, for as long as any entry would have
 * lasted, and lets go of the entries that this covers: of all but sessions,
 * which may still get new tokens, and what is of the future.
 */

static void
ts_revocations_cut(ts_revocations_t *t, const ts_revocation_t *r, uint32_t now)
{
    uint32_t                i, expires;
    ts_revocations_slot_t  *slot;

    expires = r->expires;

    for (i = 0; i < t->n; i++) {
        slot = &t->slots[i];

        if (slot->key > TS_REVOCATIONS_BUSY
            && (uint32_t) slot->times > expires)
        {
            expires = (uint32_t) slot->times;
        }
    }

    ts_revocations_raise(t, now, expires);

    for (i = 0; i < t->n; i++) {
        slot = &t->slots[i];

        if (slot->key > TS_REVOCATIONS_BUSY
            && ts_revocation_kind(slot->key) != TS_REVOKED_SESSION
            && (uint32_t) (slot->times >> 32) <= now)
        {
            ts_store(&slot->key, TS_REVOCATIONS_BUSY);
        }
    }

    ts_revocations_sweep(t, 2 * t->n, now);
}
