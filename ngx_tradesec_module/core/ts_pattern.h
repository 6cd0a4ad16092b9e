/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Simple patterns of configuration: "*" stands for any run of bytes, also an
 * empty one, and everything else for itself. There is no escape: what needs a
 * literal "*" needs no pattern here.
 */

#ifndef TS_PATTERN_H
#define TS_PATTERN_H

#include "core/ts_types.h"


/* Whether all of text fits. Work is at most the product of both lengths. */

int ts_pattern_match(ts_slice_t pattern, ts_slice_t text);


/*
 * A pattern that takes a part out of a text: "before(*)behind", compiled at
 * configuration time; "(.*)" is read as the same. Returns 0 unless there is
 * exactly one such place and no other "*".
 */

typedef struct {
    ts_slice_t  before;
    ts_slice_t  behind;
} ts_pattern_capture_t;

int ts_pattern_capture(ts_pattern_capture_t *capture, ts_slice_t pattern);

/* Whether text fits; *part is then what "(*)" stands for. */

int ts_pattern_take(const ts_pattern_capture_t *capture, ts_slice_t text,
    ts_slice_t *part);


#endif /* TS_PATTERN_H */
