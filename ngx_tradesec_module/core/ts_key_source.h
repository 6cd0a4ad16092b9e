/*
 * Copyright (C) the ngx_tradesec authors
 *
 * When the keys of a provider are fetched from their source: how old those in
 * use are, and who may fetch now. The state is shared by all workers; the
 * caller holds the lock that guards it.
 *
 * There is one flight at a time. What ends it is its own process, by its
 * number, or its deadline, or the death of that process. Whatever the cause,
 * the next one begins an interval later at the soonest: an unknown kid costs
 * the source no more than that. Only who has no keys at all asks more often.
 *
 * Times are milliseconds of one clock that never steps back.
 */

#ifndef TS_KEY_SOURCE_H
#define TS_KEY_SOURCE_H

#include "core/ts_types.h"


/* Between two fetches, when there are no keys or a flight was cut off. */

#define TS_KEY_SOURCE_AGAIN  1000


typedef struct {
    int64_t   refresh;      /* older keys are fetched anew, and go on serving */
    int64_t   stale;        /* older ones serve no more */
    int64_t   interval;     /* between two fetches, at least */
    int64_t   timeout;      /* of a flight */
} ts_key_source_limits_t;


/* Zeroed memory is a source that was never asked. */

typedef struct {
    int64_t   fetched;      /* when the keys in use came; 0: there are none */
    int64_t   began;        /* the last flight */
    int64_t   next;         /* no flight before */
    int64_t   until;        /* the deadline of the flight; 0: there is none */
    uint32_t  owner;        /* its process */
    uint32_t  flight;       /* its number; never 0 once there was one */
    uint32_t  failed;       /* how many in a row */
} ts_key_source_t;


typedef enum {
    TS_KEYS_FRESH,
    TS_KEYS_DUE,            /* good, but somebody should fetch */
    TS_KEYS_NONE            /* never fetched, or too old to be used */
} ts_key_source_age_e;

ts_key_source_age_e ts_key_source_age(const ts_key_source_t *source,
    const ts_key_source_limits_t *limits, int64_t now);


typedef enum {
    TS_KEY_SOURCE_BEGUN,    /* by the caller: *flight is its number */
    TS_KEY_SOURCE_BUSY,     /* another flight is under way */
    TS_KEY_SOURCE_LATER     /* there was one a moment ago */
} ts_key_source_e;

ts_key_source_e ts_key_source_begin(ts_key_source_t *source,
    const ts_key_source_limits_t *limits, int64_t now, uint32_t owner,
    int (*alive)(uint32_t owner), uint32_t *flight);

/* Whether a flight is under way; one whose process is dead is none. */

int ts_key_source_busy(const ts_key_source_t *source, int64_t now,
    int (*alive)(uint32_t owner));


typedef enum {
    TS_KEY_SOURCE_GOOD,     /* keys came */
    TS_KEY_SOURCE_BAD,      /* the source failed, or what came is no good */
    TS_KEY_SOURCE_CUT       /* not the source's fault: may be tried soon */
} ts_key_source_end_e;

/*
 * Ends the flight of that number. 0: it is not the current one any more; then
 * nothing is changed, but for good keys, which are good whoever brings them.
 */

int ts_key_source_end(ts_key_source_t *source, uint32_t flight,
    ts_key_source_end_e end, int64_t now);


#endif /* TS_KEY_SOURCE_H */
