/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A field value with parameters, "value; name=value; name="value"" (RFC 9110,
 * section 5.6.6), read strictly: what two readers might understand differently
 * is malformed.
 */

#ifndef TS_PARAM_H
#define TS_PARAM_H

#include "core/ts_types.h"


/* A character of a token (RFC 9110, section 5.6.2). */

int ts_param_token_char(uint8_t c);

/* Without spaces and tabs at both ends. */

ts_slice_t ts_param_trim(ts_slice_t s);


typedef enum {
    TS_PARAM_OK = 0,
    TS_PARAM_END,
    TS_PARAM_MALFORMED
} ts_param_result_e;


typedef struct {
    ts_slice_t  name;
    ts_slice_t  value;      /* a quoted one without its quotes, and raw: */
    int         escaped;    /* it holds a backslash */
    int         quoted;
} ts_param_t;


/*
 * Reads the next parameter from rest, which begins at a ";" or is empty, and
 * moves rest behind it.
 */

ts_param_result_e ts_param_next(ts_slice_t *rest, ts_param_t *param);


/* Whether the value is in the encoding of RFC 8187: "name*=charset''value". */

static inline int
ts_param_is_extended(const ts_param_t *param)
{
    return memchr(param->name.data, '*', param->name.len) != NULL;
}


#endif /* TS_PARAM_H */
