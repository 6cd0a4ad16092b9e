/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The date of a cookie's Expires as browsers read it (RFC 6265, section
 * 5.1.1): tokens in almost any order and with almost any separators, so that
 * "Thu, 01-Jan-70 00:00:01 GMT" and "1 jan 1970 0:0:1" are the same date.
 */

#ifndef TS_COOKIE_DATE_H
#define TS_COOKIE_DATE_H

#include "core/ts_types.h"


/* Seconds since 1970, maybe negative. 0 when the text is no date. */

int ts_cookie_date(ts_slice_t text, int64_t *seconds);


#endif /* TS_COOKIE_DATE_H */
