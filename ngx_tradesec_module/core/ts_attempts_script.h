/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The counters of core/ts_attempts.h in Redis: two scripts, each one step over
 * all keys of an attempt, with the same rules and the same answers, and one for
 * operators. What goes over the wire is built here, without allocation.
 *
 * A counter is one value under one key, with a time to live: a head, and the
 * attempts of its window in the order of their times. All keys have the same
 * hash tag, so that a cluster keeps them in one place. Times are seconds of
 * Redis's own clock. Values that a set clock has put into the future are taken
 * as of now, and a lock never lasts longer from now than it was set for.
 */

#ifndef TS_ATTEMPTS_SCRIPT_H
#define TS_ATTEMPTS_SCRIPT_H

#include "core/ts_attempts.h"


#define TS_ATTEMPTS_SCRIPT_PREFIX  "tradesec:{login}:"
#define TS_ATTEMPTS_SCRIPT_KEY     (sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1 + 32)
#define TS_ATTEMPTS_SCRIPT_RULE    36
#define TS_ATTEMPTS_SCRIPT_TEXT    8192     /* EVAL with the longest script */


/* A command as it goes over the wire; a length of 0: it has no room. */

typedef struct {
    size_t   len;
    uint8_t  text[TS_ATTEMPTS_SCRIPT_TEXT];
} ts_attempts_script_t;


/*
 * Their answers are one integer each. Reserve: the verdict in three bits, the
 * counter in three, then retry_after, or of an attempt that is admitted 65536
 * times in_flight plus failed. Settle: how many keys are locked by the outcome
 * in three bits, then for how many seconds the longest.
 */

extern const char  ts_attempts_script_reserve[];
extern const char  ts_attempts_script_settle[];


/*
 * EVAL with the script, or EVALSHA with its SHA-1, 40 hexadecimal digits: the
 * caller says which by command and script. now is 0 for Redis's clock.
 */

void ts_attempts_script_to_reserve(ts_attempts_script_t *s,
    ts_slice_t command, ts_slice_t script, const ts_attempt_t *attempt,
    uint32_t now);


#define TS_ATTEMPTS_SCRIPT_OPEN  4      /* an outcome: not known yet */

/*
 * With charge, an attempt that Redis knows nothing of (another home has
 * admitted it, age seconds ago) is charged first, whatever the limits.
 */

void ts_attempts_script_to_settle(ts_attempts_script_t *s,
    ts_slice_t command, ts_slice_t script, const ts_attempt_t *attempt,
    uint32_t outcome, int charge, uint32_t age, uint32_t now);


/*
 * What an operator asks. List and sweep look at a part of all keys, from
 * cursor on, 0 at the start; look and clear at n keys.
 *
 *   list    the cursor to go on from, a string, "0" at the end; then of each
 *           lock its name, 32 hexadecimal digits, the seconds that are left,
 *           and the level
 *   sweep   clears the locks of a part: the cursor, and how many there were
 *   look    five numbers for each key, as ts_attempts_view_t has them
 *   clear   how many of the keys were locked
 *
 * An answer that is another string is the error of a command that this user of
 * Redis may not give.
 */

extern const char  ts_attempts_script_operate[];


typedef enum {
    TS_ATTEMPTS_SCRIPT_LIST,
    TS_ATTEMPTS_SCRIPT_SWEEP,
    TS_ATTEMPTS_SCRIPT_LOOK,
    TS_ATTEMPTS_SCRIPT_CLEAR
} ts_attempts_script_task_e;


typedef struct {
    ts_attempts_script_task_e   task;
    uint64_t                    cursor;
    ts_attempts_part_t          part;
    uint32_t                    window;     /* of the counters at these keys */
    uint32_t                    n;
    const ts_attempts_key_t    *keys;
} ts_attempts_script_question_t;


void ts_attempts_script_to_operate(ts_attempts_script_t *s,
    ts_slice_t command, ts_slice_t script,
    const ts_attempts_script_question_t *question, uint32_t now);

/* Read what stands in the answers; return 0 for anything else. */

int ts_attempts_script_cursor(ts_slice_t text, uint64_t *cursor);
int ts_attempts_script_name(ts_slice_t text, ts_attempts_key_t *key);


/* Whether a number is an answer to an attempt at n keys. */

int ts_attempts_script_verdict(long long number, uint32_t n,
    ts_attempts_verdict_t *verdict);
int ts_attempts_script_settled(long long number, uint32_t n, uint32_t *locked,
    uint32_t *seconds);


#endif /* TS_ATTEMPTS_SCRIPT_H */
