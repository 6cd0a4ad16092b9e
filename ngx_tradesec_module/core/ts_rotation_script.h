/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The rotation of core/ts_rotation.h in Redis, where gateways share it: one
 * script, and the words of its commands.
 *
 * A token is one key, with its family, what ends with that, its state and since
 * when. A family has a key only when it has ended, or when it has turned out to
 * be another one: gateways that cannot ask each other begin a family each for
 * the same token.
 */

#ifndef TS_ROTATION_SCRIPT_H
#define TS_ROTATION_SCRIPT_H

#include "core/ts_rotation.h"


#define TS_ROTATION_SCRIPT_PREFIX  "tradesec:{refresh}:"
#define TS_ROTATION_SCRIPT_KEY     (sizeof(TS_ROTATION_SCRIPT_PREFIX) - 1 + 32)
#define TS_ROTATION_SCRIPT_ENTRY   64       /* of a word, at most */
#define TS_ROTATION_SCRIPT_REPLY   33       /* for each key */


/*
 * ARGV: the task and the time, 0 for Redis's own; then
 *
 *   use    one key: a random family, how long it is remembered, the grace, and
 *          how long an answer is waited for
 *   free   one key: how long it is remembered; it was not taken
 *   tell   any number: the grace, then an entry for each (see below)
 *
 * The answer is a string, for each key a digit of ts_rotation_e, the family,
 * and what ends with it, as 16 hexadecimal digits each. To tell of a token says
 * FIRST or, when its family has ended, ENDED.
 */

extern const char  ts_rotation_script[];


/* One answer. Returns 0 when the text is none. */

int ts_rotation_script_read(ts_slice_t text, ts_rotation_e *verdict,
    uint64_t *family, uint64_t *access);

void ts_rotation_script_key(uint8_t key[TS_ROTATION_SCRIPT_KEY],
    ts_rotation_tag_t tag);

/* 16 digits. */

void ts_rotation_script_number(uint8_t text[16], uint64_t number);

/* What is told of an entry; returns the length. */

size_t ts_rotation_script_entry(uint8_t text[TS_ROTATION_SCRIPT_ENTRY],
    const ts_rotation_entry_t *e, uint32_t now);


#endif /* TS_ROTATION_SCRIPT_H */
