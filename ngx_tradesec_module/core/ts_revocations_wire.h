/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What gateways tell each other of revocations through Redis: a line of text
 * for each,
 *
 *     revoke KEY TIME EXPIRES MAC
 *
 * as in the state file, with a hash under a key that Redis does not have. So
 * whoever can write there, by accident or not, can take lines away, which
 * gateways put back, but revoke nobody and lift nothing.
 *
 * The lines stand in a sorted set by expiry, which is what is revoked, and
 * those that are new to it in a stream, which gateways follow.
 */

#ifndef TS_REVOCATIONS_WIRE_H
#define TS_REVOCATIONS_WIRE_H

#include "core/ts_revocations.h"


#define TS_REVOCATIONS_WIRE_KEY   16
#define TS_REVOCATIONS_WIRE_LINE  80        /* at most; it has no end */

/* Both keys of Redis have one hash tag. */

#define TS_REVOCATIONS_STREAM     "tradesec:{revocations}:stream"
#define TS_REVOCATIONS_SET        "tradesec:{revocations}:set"


/* Made of the one that all gateways share: for names, and for lines. */

typedef struct {
    uint8_t  name[TS_REVOCATIONS_WIRE_KEY];
    uint8_t  mac[TS_REVOCATIONS_WIRE_KEY];
} ts_revocations_keys_t;


/*
 * KEYS: the stream, the set. ARGV: the time, a line that is superseded or
 * nothing, a line for the stream alone or nothing, then an expiry and a line
 * for each revocation. Returns the id of what was added to the stream last, and
 * how many lines were new.
 */

extern const char  ts_revocations_script[];


ts_revocations_keys_t ts_revocations_keys(
    const uint8_t shared[TS_REVOCATIONS_WIRE_KEY]);

/* Returns its length. */

size_t ts_revocations_write_line(char line[TS_REVOCATIONS_WIRE_LINE],
    const ts_revocation_t *r, const ts_revocations_keys_t *keys);

/* Returns 0 when it is no line that a gateway has written. */

int ts_revocations_read_line(ts_slice_t line, ts_revocation_t *r,
    const ts_revocations_keys_t *keys);

/* Of any text, to know it again. */

uint64_t ts_revocations_hash(ts_slice_t text,
    const ts_revocations_keys_t *keys);

/* What the set is sorted by. */

uint32_t ts_revocations_score(const ts_revocation_t *r);


#endif /* TS_REVOCATIONS_WIRE_H */
