/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_token_cache.h"


_Static_assert(sizeof(ts_token_slot_t) <= TS_TOKEN_CACHE_SLOT,
               "a slot has a fixed size");


static void ts_token_cache_sets(const ts_token_cache_t *cache,
    ts_token_tag_t tag, uint8_t *sets[2]);
static ts_token_slot_t *ts_token_cache_slot(uint8_t *const sets[2],
    size_t way);
static ts_token_slot_t *ts_token_cache_victim(const ts_token_cache_t *cache,
    ts_token_tag_t tag, int64_t now);
static int ts_token_tag_eq(const ts_token_tag_t *a, ts_token_tag_t b);


int
ts_token_cache_get(const ts_token_cache_t *cache, ts_token_tag_t tag,
    ts_token_entry_t *entry)
{
    size_t            way, len;
    uint8_t          *sets[2];
    uint32_t          before, after;
    ts_token_slot_t  *slot;

    ts_token_cache_sets(cache, tag, sets);

    for (way = 0; way < TS_TOKEN_CACHE_WAYS; way++) {
        slot = ts_token_cache_slot(sets, way);

        before = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);

        if (before == 0 || (before & 1) || !ts_token_tag_eq(&slot->tag, tag))
        {
            continue;
        }

        /* a length torn by a writer must not lead out of the slot */

        len = slot->entry.len;

        if (len > TS_TOKEN_CACHE_VALUES) {
            continue;
        }

        memcpy(entry, &slot->entry, offsetof(ts_token_entry_t, values) + len);
        entry->len = (uint32_t) len;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);

        if (before == after && ts_token_tag_eq(&slot->tag, tag)) {
            return 1;
        }
    }

    return 0;
}


void
ts_token_cache_put(const ts_token_cache_t *cache, ts_token_tag_t tag,
    const ts_token_entry_t *entry, int64_t now)
{
    uint32_t          even;
    ts_token_slot_t  *slot;

    slot = ts_token_cache_victim(cache, tag, now);

    if (slot == NULL) {
        return;
    }

    even = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);

    if ((even & 1)
        || !__atomic_compare_exchange_n(&slot->sequence, &even, even + 1, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        return;
    }

    __atomic_thread_fence(__ATOMIC_RELEASE);

    slot->tag = tag;
    memcpy(&slot->entry, entry,
           offsetof(ts_token_entry_t, values) + entry->len);

    __atomic_store_n(&slot->sequence, even + 2, __ATOMIC_RELEASE);
}


/* A tag may stand in two sets, and these are different. */

static void
ts_token_cache_sets(const ts_token_cache_t *cache, ts_token_tag_t tag,
    uint8_t *sets[2])
{
    size_t  first, second;

    first = tag.word[0] % cache->sets;
    second = tag.word[1] % cache->sets;

    if (second == first) {
        second = first ? first - 1 : cache->sets - 1;
    }

    sets[0] = (uint8_t *) cache->slots + first * TS_TOKEN_CACHE_SET_SIZE;
    sets[1] = (uint8_t *) cache->slots + second * TS_TOKEN_CACHE_SET_SIZE;
}


static ts_token_slot_t *
ts_token_cache_slot(uint8_t *const sets[2], size_t way)
{
    return (ts_token_slot_t *) (sets[way / TS_TOKEN_CACHE_SET]
                                + way % TS_TOKEN_CACHE_SET
                                  * TS_TOKEN_CACHE_SLOT);
}


/*
 * What it reads here may be torn: it only chooses, it decides nothing. Of two
 * sets with room the emptier one fills first, so that hardly ever both are
 * full.
 */

static ts_token_slot_t *
ts_token_cache_victim(const ts_token_cache_t *cache, ts_token_tag_t tag,
    int64_t now)
{
    size_t            way, set, room[2];
    int64_t           first;
    uint8_t          *sets[2];
    ts_token_slot_t  *slot, *oldest, *empty[2];

    ts_token_cache_sets(cache, tag, sets);

    oldest = NULL;
    first = INT64_MAX;

    room[0] = room[1] = 0;
    empty[0] = empty[1] = NULL;

    for (way = 0; way < TS_TOKEN_CACHE_WAYS; way++) {
        slot = ts_token_cache_slot(sets, way);

        if (__atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) & 1) {
            continue;
        }

        if (ts_token_tag_eq(&slot->tag, tag)) {
            return slot;
        }

        if (slot->entry.expires <= now) {
            set = way / TS_TOKEN_CACHE_SET;

            if (room[set]++ == 0) {
                empty[set] = slot;
            }

        } else if (slot->entry.expires < first || oldest == NULL) {
            first = slot->entry.expires;
            oldest = slot;
        }
    }

    if (room[0] + room[1] == 0) {
        return oldest;
    }

    return room[0] >= room[1] ? empty[0] : empty[1];
}


static int
ts_token_tag_eq(const ts_token_tag_t *a, ts_token_tag_t b)
{
    return a->word[0] == b.word[0] && a->word[1] == b.word[1];
}
