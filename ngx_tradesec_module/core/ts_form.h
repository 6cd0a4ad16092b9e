/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Finds the one value of one field in application/x-www-form-urlencoded text
 * (URL Standard, section 5), which queries use as well. A text in which two
 * backends could find different values is refused: see ts_field.h for names,
 * and ";", which some backends take for "&", counts as both.
 */

#ifndef TS_FORM_H
#define TS_FORM_H

#include "core/ts_field.h"


#define TS_FORM_FIELDS  1000    /* in one body; PHP stops reading there */


/* Shared by all readers of login bodies. */

typedef enum {
    TS_FORM_OK = 0,
    TS_FORM_MISSING,        /* the field is not there */
    TS_FORM_AMBIGUOUS,      /* there twice, or something like it */
    TS_FORM_MALFORMED
} ts_form_result_e;


/*
 * The decoded value is a part of text, or written to buf; a value longer than
 * size is malformed.
 * Names are decoded too, and must be well-formed; other values may hold
 * anything.
 */

ts_form_result_e ts_form_field(ts_slice_t text, const ts_field_t *field,
    uint8_t *buf, size_t size, ts_slice_t *value);


#endif /* TS_FORM_H */
