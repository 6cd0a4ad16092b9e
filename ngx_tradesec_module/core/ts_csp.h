/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Merging two Content Security Policies into one field (CSP Level 3).
 */

#ifndef TS_CSP_H
#define TS_CSP_H

#include "core/ts_types.h"


/*
 * The length that ts_csp_merge() writes at most: "a;b" becomes "a; b".
 */

#define ts_csp_merge_max(own_len, n, backend_len_sum)                        \
    (2 * (own_len) + (backend_len_sum) + 2 * (n) + 2)

/*
 * Writes the n policies of the backend (field values, in order), joined to one
 * list, and adds the directives of "own" that none of them has. A directive
 * that the backend set stays as it is: the backend knows its pages; ours only
 * fills what it forgot. Since a browser enforces every policy of a list, adding
 * to the last one is enough.
 *
 * Returns the length written into buf, at most ts_csp_merge_max() bytes.
 */

size_t ts_csp_merge(uint8_t *buf, ts_slice_t own, const ts_slice_t *backend,
    size_t n);


#endif /* TS_CSP_H */
