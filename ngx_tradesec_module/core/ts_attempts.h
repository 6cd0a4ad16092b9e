/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Counts attempts to log in. A counter belongs to a key (an account, an
 * address, the pair of both) and is the set of the attempts of a sliding
 * window, each with its id and time. An attempt is charged to all its keys
 * before it is passed on, and settled when its outcome is known:
 *
 *   reserve    looks at every lock and limit first, then adds the attempt to
 *              all keys or to none. So of any number of parallel guesses no
 *              more than the limit are admitted.
 *   failed     the attempt stays charged until it leaves the window. When the
 *              failures of a key reach its limit and the key's rule has a
 *              lock, the key is locked and these failures are used up.
 *   neutral    the attempt is given back, but only so often in a window; more
 *              of them are failures.
 *   succeeded  the attempt is given back; where the rule forgives, the key's
 *              failures are deleted too. Locks and their level stay.
 *   withdrawn  the attempt was none after all, and is given back.
 *
 * Attempts in flight count against the limit, but if it is only they that use
 * it up, the answer is "come back in a second". An attempt that is never
 * settled stays charged for the window. Settling is idempotent: what is no
 * longer in flight is left alone, and nothing ever brings back a counter.
 *
 * Each lock of a key lasts twice as long as the one before, up to a maximum;
 * for each `decay` seconds without a lock the next is one step shorter. Where
 * the rule says so, the longest lock has no end.
 *
 * Time is a count of seconds that the caller gives, from 1; it must come from
 * a clock that is never set (monotonic time), so that setting the wall clock
 * neither locks nor unlocks anybody. Callers whose views of it differ a little
 * are fine: the counters never let it go backward.
 *
 * The memory is the caller's: one block of fixed size, without pointers, so
 * processes may share it wherever it is mapped. Exclusion is the caller's
 * too. When memory is short the counters that were not used for the longest
 * time leave, locked ones never. A process that died within a call leaves a
 * mark; the next call puts the structure in order again.
 */

#ifndef TS_ATTEMPTS_H
#define TS_ATTEMPTS_H

#include "core/ts_types.h"


#define TS_ATTEMPTS_KEYS          5     /* of one attempt */
#define TS_ATTEMPTS_LIMIT_MAX     1000
#define TS_ATTEMPTS_OTHERS_MAX    64
#define TS_ATTEMPTS_VERSION       4     /* of the layout in memory */
#define TS_ATTEMPTS_SCAN          4096  /* blocks that one call looks at */
#define TS_ATTEMPTS_FOREVER       UINT32_MAX

/* room for a hundred counters, to make sure that it is worth while at all */

#define TS_ATTEMPTS_SIZE_MIN      16384


typedef struct ts_attempts_s  ts_attempts_t;


/* A keyed hash: outsiders cannot choose where it falls. */

typedef struct {
    uint64_t  word[2];
} ts_attempts_key_t;


typedef struct {
    uint32_t  window;       /* seconds, from 1 */
    uint32_t  limit;        /* attempts in the window, 1..LIMIT_MAX */
    uint32_t  others;       /* different others among them, 0: any number,
                               else up to OTHERS_MAX */
    uint32_t  neutral;      /* attempts given back as neutral in the window,
                               0..LIMIT_MAX */
    uint32_t  lock_min;     /* seconds of the first lock, 0: no locks */
    uint32_t  lock_max;     /* at least lock_min, at most a year */
    uint32_t  permanent;    /* in the place of lock_max: for ever */
    uint32_t  extend;       /* what a lock refuses starts its time anew */
    uint32_t  decay;        /* seconds, from 1 */
    uint32_t  forgive;      /* success deletes the failures */
} ts_attempts_rule_t;


typedef struct {
    ts_attempts_key_t          key;
    const ts_attempts_rule_t  *rule;
    uint32_t                   other;   /* low 30 bits of a hash: the account
                                           of an address, the address of an
                                           account */
} ts_attempts_counter_t;


/* The same attempt is given to reserve and to settle. */

typedef struct {
    uint64_t               id;          /* unique within the window */
    uint32_t               n;
    ts_attempts_counter_t  counters[TS_ATTEMPTS_KEYS];  /* no key twice */
} ts_attempt_t;


typedef enum {
    TS_ATTEMPTS_ADMITTED = 0,
    TS_ATTEMPTS_BUSY,       /* attempts in flight use the limit up */
    TS_ATTEMPTS_LIMITED,    /* failures use the limit up */
    TS_ATTEMPTS_OTHERS,     /* too many different others */
    TS_ATTEMPTS_LOCKED,
    TS_ATTEMPTS_FULL        /* no memory: everything left is locked */
} ts_attempts_verdict_e;


/* Of several refusals the one that lasts longest. */

typedef struct {
    ts_attempts_verdict_e  verdict;
    uint32_t               counter;     /* that refused, an index */
    uint32_t               retry_after; /* seconds, from 1 */
    uint16_t               failed;      /* admitted: what else is charged to */
    uint16_t               in_flight;   /* the first counter, at most 2^16-1 */
} ts_attempts_verdict_t;


typedef enum {
    TS_ATTEMPTS_FAILED,
    TS_ATTEMPTS_NEUTRAL,
    TS_ATTEMPTS_SUCCEEDED,
    TS_ATTEMPTS_WITHDRAWN
} ts_attempts_outcome_e;


typedef struct {
    ts_attempts_key_t  key;
    uint32_t           until;   /* locked while the time is below it, which
                                   it always is below FOREVER */
    uint32_t           level;   /* how many locks it has grown through */
} ts_attempts_lock_t;


typedef struct {
    uint64_t  locks;        /* how often a key was locked */
    uint64_t  evicted;      /* counters that left because memory was short */
    uint64_t  full;         /* attempts refused for want of memory */
    uint64_t  repaired;     /* times a dead process's mark was found */
    uint64_t  cleared;      /* counters that an operator has cleared */
    uint32_t  locked;       /* counters in the list of locked ones */
    uint32_t  used;         /* blocks in use, of .. */
    uint32_t  blocks;
} ts_attempts_stats_t;


/*
 * Lays out the memory, which must be zeroed and aligned to 64 bytes, and at
 * least TS_ATTEMPTS_SIZE_MIN. Whoever shares it uses it as a ts_attempts_t
 * right away.
 */

ts_attempts_t *ts_attempts_init(void *memory, size_t size);

ts_attempts_verdict_t ts_attempts_reserve(ts_attempts_t *table,
    const ts_attempt_t *attempt, uint32_t now);

/*
 * Charges an attempt whose verdict is another home's, whatever the limits, so
 * that counting can go on here when that home is away. Returns 0 when a key
 * has no room for it.
 */

int ts_attempts_mirror(ts_attempts_t *table, const ts_attempt_t *attempt,
    uint32_t now);

/* What an outcome has locked: how many keys, and when the last lock ends. */

typedef struct {
    uint32_t  n;
    uint32_t  until;
} ts_attempts_locked_t;

ts_attempts_locked_t ts_attempts_settle(ts_attempts_t *table,
    const ts_attempt_t *attempt, ts_attempts_outcome_e outcome, uint32_t now);

/*
 * Copies all counters to an empty table, locks first, then the most recent
 * that have room. Returns the number of locks that had none.
 */

uint32_t ts_attempts_copy(ts_attempts_t *to, ts_attempts_t *from);

/*
 * Reads locks that hold at `now`, at most n of them, from *cursor on, which
 * starts at 0 and is 0 again when all were seen. One call looks at a bounded
 * part of the table and may find none. What is locked between the calls may be
 * missed; `locks` of the statistics tells that something was.
 */

uint32_t ts_attempts_locks(ts_attempts_t *table, uint32_t *cursor,
    ts_attempts_lock_t *locks, uint32_t n, uint32_t now);

/*
 * Locks a key as a former run of the program had it. An earlier lock of that
 * key is replaced. Returns 0 when there is no memory.
 */

int ts_attempts_restore(ts_attempts_t *table, const ts_attempts_lock_t *lock,
    uint32_t now);

/* A counter as it stands; FOREVER for a lock without end. */

typedef struct {
    uint32_t  locked;       /* seconds, 0: not */
    uint32_t  level;
    uint32_t  failed;
    uint32_t  neutral;
    uint32_t  in_flight;
} ts_attempts_view_t;

/* Returns 0 when there is no such counter. */

int ts_attempts_look(ts_attempts_t *table, const ts_attempts_key_t *key,
    uint32_t window, uint32_t now, ts_attempts_view_t *view);

/*
 * Forgets failures, lock and level of a counter. Returns whether it was
 * locked.
 */

int ts_attempts_clear(ts_attempts_t *table, const ts_attempts_key_t *key,
    uint32_t now);

/*
 * The key of the pair of an account and an address: a sum, and behind it a
 * part of the hash of each. So which pairs are of an account or of an address
 * is seen from their names, in every home, after years.
 */

typedef struct {
    uint64_t  mask;             /* of the second word of a key */
    uint64_t  value;
} ts_attempts_part_t;


static inline ts_attempts_key_t
ts_attempts_pair(const ts_attempts_key_t *account,
    const ts_attempts_key_t *address)
{
    return (ts_attempts_key_t) {
        { account->word[0] + address->word[0],
          (account->word[1] & ~(uint64_t) UINT32_MAX)
          | (address->word[1] >> 32) }
    };
}


/* The pairs of an account, of an address, or of both; NULL is any. */

static inline ts_attempts_part_t
ts_attempts_pairs_of(const ts_attempts_key_t *account,
    const ts_attempts_key_t *address)
{
    ts_attempts_part_t  part;

    part.mask = (account ? ~(uint64_t) UINT32_MAX : 0)
                | (address ? UINT32_MAX : 0);
    part.value = (account ? account->word[1] & ~(uint64_t) UINT32_MAX : 0)
                 | (address ? address->word[1] >> 32 : 0);

    return part;
}


/*
 * Clears the locked counters of that part. Reads from *cursor on, as
 * ts_attempts_locks(), and returns how many it has cleared.
 */

uint32_t ts_attempts_clear_part(ts_attempts_t *table, uint32_t *cursor,
    const ts_attempts_part_t *part, uint32_t now);

ts_attempts_stats_t ts_attempts_stats(const ts_attempts_t *table);


#endif /* TS_ATTEMPTS_H */
