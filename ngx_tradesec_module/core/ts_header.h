/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Names of fields (RFC 9110 section 5.1) as backends tell them apart.
 */

#ifndef TS_HEADER_H
#define TS_HEADER_H

#include "core/ts_types.h"


/*
 * Whether some backend takes both names for the same: case does not count,
 * and "_" and "." are "-", as in CGI variables.
 */

int ts_header_same_name(ts_slice_t a, ts_slice_t b);

/*
 * Whether a value can be a field's: no control characters but HTAB, which
 * would end the line or worse (RFC 9110 section 5.5).
 */

int ts_header_value_valid(ts_slice_t value);


#endif /* TS_HEADER_H */
