/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The lines of the state file (tradesec_zone state=). Text, one record a line:
 *
 *     tradesec-state 1                  the format, first line
 *     key NAME KEY                      of an area: 32 hexadecimal digits
 *     lock KEY UNTIL LEFT LEVEL         decimal, UNTIL of the wall clock
 *     revoke KEY TIME EXPIRES           16 hexadecimal digits, decimal
 *     end                               the file is complete
 *
 * The file may have been torn, edited, or put there by somebody else: what is
 * not exactly such a line is refused.
 */

#ifndef TS_STATE_H
#define TS_STATE_H

#include "core/ts_attempts.h"
#include "core/ts_revocations.h"


#define TS_STATE_HEAD      "tradesec-state 1"
#define TS_STATE_END       "end"

#define TS_STATE_KEY       16           /* bytes */
#define TS_STATE_NAME      16           /* longest name of an area */
#define TS_STATE_LINE_MAX  96           /* with its line feed */


/*
 * A lock in terms of both clocks: it ends at `until` of the wall clock, and
 * had `left` seconds to go when it was written. The second bounds the first:
 * a wall clock that was set back meanwhile does not make it longer.
 */

typedef struct {
    ts_attempts_key_t  key;
    uint64_t           until;
    uint32_t           left;
    uint32_t           level;
} ts_state_lock_t;


/* Write a line with its line feed to buf, of TS_STATE_LINE_MAX bytes. */

size_t ts_state_write_lock(char *buf, const ts_state_lock_t *lock);
size_t ts_state_write_revocation(char *buf, const ts_revocation_t *r);
size_t ts_state_write_key(char *buf, const char *name,
    const uint8_t key[TS_STATE_KEY]);

/* Read a line without its line feed. Return 0 when it is no such line. */

int ts_state_read_lock(ts_slice_t line, ts_state_lock_t *lock);
int ts_state_read_revocation(ts_slice_t line, ts_revocation_t *r);
int ts_state_read_key(ts_slice_t line, ts_slice_t *name,
    uint8_t key[TS_STATE_KEY]);

/* How long the lock holds on, at this time of the wall clock. */

uint32_t ts_state_lock_left(const ts_state_lock_t *lock, uint64_t wall);


#endif /* TS_STATE_H */
