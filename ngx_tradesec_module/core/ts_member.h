/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A value of a JSON body that every backend finds at the same place, and reads
 * as the same text.
 */

#ifndef TS_MEMBER_H
#define TS_MEMBER_H

#include "core/ts_field.h"
#include "core/ts_json.h"


typedef enum {
    TS_MEMBER_OK = 0,
    TS_MEMBER_MISSING,
    TS_MEMBER_AMBIGUOUS     /* on its way is what a backend may take for it */
} ts_member_e;


/* Whether an object has a member that is not, but may pass for, the field. */

int ts_member_alike(const ts_json_t *json, const ts_json_token_t *object,
    const ts_field_t *field);

/* Where the pointer leads; names has a field for each of its names. */

ts_member_e ts_member_find(const ts_json_t *json,
    const ts_json_pointer_t *pointer, const ts_field_t *names,
    const ts_json_token_t **token);

/*
 * A string, decoded into buf where it has to be, or an integer in its one
 * spelling: 7 and -7, but not 7.0, 07, 7e0 or -0. Else data is NULL.
 */

ts_slice_t ts_member_text(const ts_json_t *json, const ts_json_token_t *token,
    uint8_t *buf, size_t size);


#endif /* TS_MEMBER_H */
