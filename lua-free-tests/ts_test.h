/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What every unit test starts with.
 */

#ifndef TS_TEST_H
#define TS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/ts_types.h"


/*
 * A copy on the heap of exactly that length, so that the address sanitizer
 * stops a reader that looks one byte too far.
 */

static inline ts_slice_t
heap_copy(const void *data, size_t len)
{
    uint8_t  *copy;

    copy = malloc(len ? len : 1);
    assert_non_null(copy);

    if (len) {
        memcpy(copy, data, len);
    }

    return ts_slice(copy, len);
}


static inline void
heap_free(ts_slice_t s)
{
    free((void *) s.data);
}


#endif /* TS_TEST_H */
