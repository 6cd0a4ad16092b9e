/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which refresh tokens were used (RFC 9700, section 4.14.2): each may be used
 * once and is followed by the next one of its family. One that is used again,
 * when its successor may be in other hands, ends the family. A table of fixed
 * size, without pointers, in memory that several processes share.
 *
 * A token is known by its tag, a 128-bit keyed hash; nothing of it is stored.
 * When a set is full, the entry that is forgotten is one that has expired, else
 * one that nobody has vouched for, else the one that was touched longest ago,
 * but of an ended family last. What the backend did not take and never handed
 * out is forgotten at once: anybody can make up tokens. One that was forgotten
 * counts as one that was never seen.
 *
 * The caller holds a lock. A writer that died in the middle leaves an entry
 * that no token has, which is overwritten some time.
 */

#ifndef TS_ROTATION_H
#define TS_ROTATION_H

#include "core/ts_types.h"


#define TS_ROTATION_VERSION  2      /* of the layout in memory */
#define TS_ROTATION_WAYS     8      /* entries that a tag may stand in */
#define TS_ROTATION_ENTRY    48     /* bytes */

/* An answer that takes longer is not waited for any more, in seconds. */

#define TS_ROTATION_FLIGHT   120


typedef struct {
    uint64_t  word[2];
} ts_rotation_tag_t;


typedef enum {
    TS_ROTATION_FIRST = 0,      /* pass it on, then settle it */
    TS_ROTATION_RACE,           /* it is, or has just been, used */
    TS_ROTATION_REUSED,         /* it was: the family has ended now */
    TS_ROTATION_ENDED           /* the family had */
} ts_rotation_e;


/* State of an entry. */

typedef enum {
    TS_ROTATION_LIVE = 0,
    TS_ROTATION_FLYING,         /* its answer is awaited */
    TS_ROTATION_USED,
    TS_ROTATION_OVER            /* the family has ended */
} ts_rotation_state_e;


typedef struct {
    ts_rotation_tag_t  tag;
    uint64_t           family;
    uint16_t           state;
    uint8_t            untold;      /* another home does not know it */
    uint8_t            fresh;       /* nobody has vouched for it: it was never
                                       seen before, and is not answered yet */
    uint32_t           since;       /* seconds of a monotonic clock, too */
    uint32_t           expires;     /* 0: the entry is free */
    uint32_t           next;        /* of one that was used: a part of the tag
                                       that follows */
    uint64_t           access;      /* what the caller ends with the family;
                                       0: nothing */
} ts_rotation_entry_t;


typedef struct {
    ts_rotation_entry_t  *entries;
    size_t                sets;     /* of TS_ROTATION_WAYS entries */
} ts_rotation_t;


typedef struct {
    uint32_t  now;
    uint32_t  grace;
    uint32_t  lifetime;             /* how long a token is remembered */
} ts_rotation_times_t;


/* Uses memory that is zeroed, or that another one of that size has used. */

void ts_rotation_open(ts_rotation_t *t, void *memory, size_t size);

/* Takes over what another one has, of any size, at that moment. */

void ts_rotation_copy(ts_rotation_t *t, const ts_rotation_t *old,
    uint32_t now);

/*
 * A request comes with the token. family is a random number, for one that was
 * never seen. When the family ends now, *access is what ends with it, else 0.
 */

ts_rotation_e ts_rotation_use(ts_rotation_t *t, ts_rotation_tag_t tag,
    uint64_t family, ts_rotation_times_t times, uint64_t *access);

/*
 * The first use was answered: next is the token that follows, or, without one,
 * NULL: the backend has not taken this one, which may be used again. access is
 * what ends with the family, or 0. When the family has ended meanwhile, the
 * next one has, too, and the answer is 1.
 */

int ts_rotation_settle(ts_rotation_t *t, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next, uint64_t access,
    ts_rotation_times_t times);


/*
 * For a second home, which several tables share. What it says of the token: its
 * family, or that this has ended; returns what ends with it, or 0.
 */

void ts_rotation_adopt(ts_rotation_t *t, ts_rotation_tag_t tag,
    uint64_t family, uint32_t now);
uint64_t ts_rotation_finish(ts_rotation_t *t, ts_rotation_tag_t tag,
    ts_rotation_times_t times);

/* Copies the entry of the token; returns 0 when there is none. */

int ts_rotation_get(const ts_rotation_t *t, ts_rotation_tag_t tag,
    uint32_t now, ts_rotation_entry_t *entry);

/*
 * The other home could not be told of the token; later, copies up to n of
 * those, from *cursor on, 0 at the start, and takes them as told. Returns how
 * many; less than n at the end.
 */

void ts_rotation_untold(ts_rotation_t *t, ts_rotation_tag_t tag,
    uint32_t now);
size_t ts_rotation_tell(ts_rotation_t *t, size_t *cursor, uint32_t now,
    ts_rotation_entry_t *entries, size_t n);


#endif /* TS_ROTATION_H */
