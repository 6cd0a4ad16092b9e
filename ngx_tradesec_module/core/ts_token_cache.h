/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Remembers which tokens were verified, in memory that several processes
 * share without a lock: a table of fixed slots, each with a sequence lock.
 *
 * A token is known by its tag, a 128-bit keyed hash; nothing of the token is
 * stored. A reader copies a slot and looks whether the sequence number was
 * even and stayed the same; if not, it has found nothing, which is always
 * right: the token is verified once more. A writer takes the slot by making
 * the number odd. A slot whose writer died stays odd and is not used again: a
 * crash costs one slot, while a slot taken over from a writer that was only
 * slow could mix two tokens.
 *
 * The caller looks at the times of what is found: the cache forgets what has
 * expired only when it needs the slot.
 */

#ifndef TS_TOKEN_CACHE_H
#define TS_TOKEN_CACHE_H

#include "core/ts_types.h"


#define TS_TOKEN_CACHE_VALUES   176     /* bytes of an entry */
#define TS_TOKEN_CACHE_SET      4       /* slots of a set */
#define TS_TOKEN_CACHE_WAYS     8       /* slots that a tag may stand in: */
                                        /* those of two sets */
#define TS_TOKEN_CACHE_VERSION  3       /* of the layout in memory */
#define TS_TOKEN_CACHE_SLOT     256     /* bytes */
#define TS_TOKEN_CACHE_SET_SIZE (TS_TOKEN_CACHE_SET * TS_TOKEN_CACHE_SLOT)


/* 128 bits of a keyed hash: equal tags are equal tokens. */

typedef struct {
    uint64_t  word[2];
} ts_token_tag_t;


typedef struct {
    int64_t   expires;                          /* wall clock, seconds */
    int64_t   not_before;
    int64_t   issued;                           /* and what it is revoked by: */
    uint64_t  token;                            /* see core/ts_revocations.h */
    uint64_t  session;
    uint64_t  user;
    uint32_t  len;                              /* of values */
    uint8_t   values[TS_TOKEN_CACHE_VALUES];    /* the caller's own */
} ts_token_entry_t;


typedef struct {
    uint32_t         sequence;      /* 0: never written; odd: being written */
    ts_token_tag_t   tag;
    ts_token_entry_t entry;
} ts_token_slot_t;


typedef struct {
    ts_token_slot_t  *slots;
    size_t            sets;         /* of TS_TOKEN_CACHE_SET slots */
} ts_token_cache_t;


/*
 * Uses zeroed memory, aligned to 8 bytes, or memory that a cache of the same
 * size and version was using. Returns 0 when size is too small for two sets.
 */

static inline int
ts_token_cache_init(ts_token_cache_t *cache, void *memory, size_t size)
{
    cache->slots = memory;
    cache->sets = size / TS_TOKEN_CACHE_SET_SIZE;

    return cache->sets > 1;
}


/* Copies the entry of the tag; returns 1, or 0 when it is not there. */

int ts_token_cache_get(const ts_token_cache_t *cache, ts_token_tag_t tag,
    ts_token_entry_t *entry);

/*
 * Stores the entry: over the same tag, else over a free or expired slot, else
 * over the one that expires first. Does nothing when another
 * process is writing there.
 */

void ts_token_cache_put(const ts_token_cache_t *cache, ts_token_tag_t tag,
    const ts_token_entry_t *entry, int64_t now);


#endif /* TS_TOKEN_CACHE_H */
