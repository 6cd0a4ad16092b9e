/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_rotation.h"


static ts_rotation_entry_t *ts_rotation_find(const ts_rotation_t *t,
    ts_rotation_tag_t tag, uint32_t now);
static ts_rotation_entry_t *ts_rotation_place(const ts_rotation_t *t,
    ts_rotation_tag_t tag, uint32_t now);
static uint64_t ts_rotation_end(ts_rotation_t *t, uint64_t family,
    ts_rotation_times_t times);


void
ts_rotation_open(ts_rotation_t *t, void *memory, size_t size)
{
    t->entries = memory;
    t->sets = size / (sizeof(ts_rotation_entry_t) * TS_ROTATION_WAYS);
}


void
ts_rotation_copy(ts_rotation_t *t, const ts_rotation_t *old, uint32_t now)
{
    size_t                      i;
    const ts_rotation_entry_t  *e;

    e = old->entries;

    for (i = 0; i < old->sets * TS_ROTATION_WAYS; i++, e++) {
        if (e->expires > now) {
            *ts_rotation_place(t, e->tag, now) = *e;
        }
    }
}


static ts_rotation_entry_t *
ts_rotation_set(const ts_rotation_t *t, ts_rotation_tag_t tag)
{
    return t->entries + tag.word[0] % t->sets * TS_ROTATION_WAYS;
}


ts_rotation_e
ts_rotation_use(ts_rotation_t *t, ts_rotation_tag_t tag, uint64_t family,
    ts_rotation_times_t times, uint64_t *access)
{
    uint32_t              age;
    ts_rotation_entry_t  *e;

    *access = 0;

    e = ts_rotation_find(t, tag, times.now);

    if (e == NULL) {
        e = ts_rotation_place(t, tag, times.now);
        e->tag = tag;
        e->family = family;
        e->state = TS_ROTATION_LIVE;
        e->untold = 0;
        e->fresh = 1;
        e->next = 0;
        e->access = 0;
    }

    age = times.now - e->since;

    switch (e->state) {

    case TS_ROTATION_OVER:
        return TS_ROTATION_ENDED;

    case TS_ROTATION_USED:

        if (age < times.grace) {
            return TS_ROTATION_RACE;
        }

        *access = ts_rotation_end(t, e->family, times);

        return TS_ROTATION_REUSED;

    case TS_ROTATION_FLYING:

        if (age < TS_ROTATION_FLIGHT) {
            return TS_ROTATION_RACE;
        }

        break;
    }

    e->state = TS_ROTATION_FLYING;
    e->since = times.now;
    e->expires = times.now + times.lifetime;

    return TS_ROTATION_FIRST;
}


int
ts_rotation_settle(ts_rotation_t *t, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next, uint64_t access, ts_rotation_times_t times)
{
    uint16_t              state;
    uint64_t              family;
    ts_rotation_entry_t  *e;

    e = ts_rotation_find(t, tag, times.now);

    if (e == NULL || e->state == TS_ROTATION_LIVE) {
        return 0;
    }

    if (next == NULL) {

        if (e->state == TS_ROTATION_FLYING) {
            e->state = TS_ROTATION_LIVE;
            e->expires = e->fresh ? 0 : e->expires;
        }

        return e->state == TS_ROTATION_OVER;
    }

    e->fresh = 0;

    state = e->state == TS_ROTATION_OVER ? TS_ROTATION_OVER : TS_ROTATION_LIVE;
    family = e->family;

    if (access == 0) {
        access = e->access;
    }

    e->access = access;

    if (state == TS_ROTATION_LIVE) {
        e->state = TS_ROTATION_USED;
        e->since = times.now;
        e->next = (uint32_t) next->word[0] | 1;
    }

    /* the same token once more is no next one */

    if (next->word[0] == tag.word[0] && next->word[1] == tag.word[1]) {
        e->state = state;
        return state == TS_ROTATION_OVER;
    }

    e = ts_rotation_find(t, *next, times.now);

    if (e == NULL) {
        e = ts_rotation_place(t, *next, times.now);
        e->tag = *next;
        e->untold = 0;
        e->next = 0;
    }

    e->fresh = 0;

    e->family = family;
    e->state = state;
    e->since = times.now;
    e->expires = times.now + times.lifetime;
    e->access = access;

    return state == TS_ROTATION_OVER;
}


static ts_rotation_entry_t *
ts_rotation_find(const ts_rotation_t *t, ts_rotation_tag_t tag, uint32_t now)
{
    size_t                i;
    ts_rotation_entry_t  *e;

    e = ts_rotation_set(t, tag);

    for (i = 0; i < TS_ROTATION_WAYS; i++, e++) {
        if (e->expires > now && e->tag.word[0] == tag.word[0]
            && e->tag.word[1] == tag.word[1])
        {
            return e;
        }
    }

    return NULL;
}


static ts_rotation_entry_t *
ts_rotation_place(const ts_rotation_t *t, ts_rotation_tag_t tag, uint32_t now)
{
    int                   rank, best_rank;
    size_t                i;
    ts_rotation_entry_t  *e, *best;

    e = ts_rotation_set(t, tag);
    best = e;
    best_rank = 3;

    for (i = 0; i < TS_ROTATION_WAYS; i++, e++) {

        if (e->expires <= now) {
            return e;
        }

        rank = e->state == TS_ROTATION_OVER ? 2 : e->fresh ? 0 : 1;

        if (rank < best_rank || (rank == best_rank && e->since < best->since)) {
            best = e;
            best_rank = rank;
        }
    }

    return best;
}


/* Looks through the whole table; once for a family. */

static uint64_t
ts_rotation_end(ts_rotation_t *t, uint64_t family, ts_rotation_times_t times)
{
    size_t                i;
    uint64_t              access;
    ts_rotation_entry_t  *e;

    e = t->entries;
    access = 0;

    for (i = 0; i < t->sets * TS_ROTATION_WAYS; i++, e++) {
        if (e->family == family && e->expires > times.now) {
            e->state = TS_ROTATION_OVER;
            e->since = times.now;
            e->expires = times.now + times.lifetime;
            access = e->access ? e->access : access;
        }
    }

    return access;
}


void
ts_rotation_adopt(ts_rotation_t *t, ts_rotation_tag_t tag, uint64_t family,
    uint32_t now)
{
    ts_rotation_entry_t  *e;

    e = ts_rotation_find(t, tag, now);

    if (e != NULL) {
        e->family = family;
    }
}


uint64_t
ts_rotation_finish(ts_rotation_t *t, ts_rotation_tag_t tag,
    ts_rotation_times_t times)
{
    ts_rotation_entry_t  *e;

    e = ts_rotation_find(t, tag, times.now);

    return e != NULL ? ts_rotation_end(t, e->family, times) : 0;
}


int
ts_rotation_get(const ts_rotation_t *t, ts_rotation_tag_t tag, uint32_t now,
    ts_rotation_entry_t *entry)
{
    const ts_rotation_entry_t  *e;

    e = ts_rotation_find(t, tag, now);

    if (e == NULL) {
        return 0;
    }

    *entry = *e;

    return 1;
}


void
ts_rotation_untold(ts_rotation_t *t, ts_rotation_tag_t tag, uint32_t now)
{
    ts_rotation_entry_t  *e;

    e = ts_rotation_find(t, tag, now);

    if (e != NULL) {
        e->untold = 1;
    }
}


size_t
ts_rotation_tell(ts_rotation_t *t, size_t *cursor, uint32_t now,
    ts_rotation_entry_t *entries, size_t n)
{
    size_t                found;
    ts_rotation_entry_t  *e;

    found = 0;

    while (found < n && *cursor < t->sets * TS_ROTATION_WAYS) {
        e = &t->entries[(*cursor)++];

        if (e->untold && e->expires > now) {
            e->untold = 0;
            entries[found++] = *e;
        }
    }

    return found;
}
