/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The ways a request asks a framework to take another method than its own.
 */

#ifndef TS_METHOD_OVERRIDE_H
#define TS_METHOD_OVERRIDE_H

#include "core/ts_types.h"


/*
 * Whether the name of a request field is one that frameworks read as the
 * method: X-HTTP-Method-Override, X-HTTP-Method, X-Method-Override. Letters in
 * any case; "_" and "." count as "-", as CGI-like backends see no difference.
 */

int ts_method_override_field(ts_slice_t name);

/*
 * Whether a query (without "?") has an argument named "_method", in any case
 * and percent-encoding, or in a spelling that PHP makes "_method" of. Both "&"
 * and ";" separate.
 */

int ts_method_override_query(ts_slice_t query);


#endif /* TS_METHOD_OVERRIDE_H */
