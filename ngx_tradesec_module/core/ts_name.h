/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Other spellings of a guarded name. Backends are tolerant, each in its own
 * way; what one of them could take for the name must not slip past us.
 */

#ifndef TS_NAME_H
#define TS_NAME_H

#include "core/ts_types.h"


/*
 * Whether some reader of cookies, query arguments or form fields could take
 * what stands at the start of text, up to "=" or the end, for the name: case
 * ignored, percent encoding decoded ("%u0061", too), white space, unprintable
 * bytes, quotes and "+" around it stripped, "a.b", "a b", "a+b" and "a[b" read
 * as "a_b", "a[0]" and what ends with a NUL as "a" (PHP), and "[a]" (Rack, qs).
 */

int ts_name_resembles(ts_slice_t text, ts_slice_t name);

/* The next byte of a name, percent decoded; -1 at the end. Moves *p. */

int ts_name_next(const uint8_t **p, const uint8_t *end);


#endif /* TS_NAME_H */
