/*
 * Copyright (C) the ngx_tradesec authors
 *
 * One named value of a request, from its query or its body, found exactly
 * once: a request in which two backends could find different values has none.
 */

#ifndef TS_PART_H
#define TS_PART_H

#include "core/ts_field.h"
#include "core/ts_json.h"


#define TS_PART_JSON_TOKENS  1024   /* names and values of a JSON body */
#define TS_PART_JSON_DEPTH   16
#define TS_PART_VALUE        256    /* longest value, decoded */


typedef enum {
    TS_PART_QUERY,
    TS_PART_FORM,               /* a field of a form, in either encoding */
    TS_PART_JSON
} ts_part_place_e;


typedef struct {
    ts_part_place_e    place;
    ts_field_t         field;                           /* QUERY, FORM */
    ts_json_pointer_t  pointer;                         /* JSON */
    ts_field_t         names[TS_JSON_POINTER_DEPTH];    /* of the pointer */
} ts_part_t;


typedef struct {
    ts_slice_t         content_type;
    ts_slice_t         query;       /* without "?" */
    ts_slice_t         body;
    ts_json_token_t   *tokens;      /* TS_PART_JSON_TOKENS of them */
} ts_part_request_t;


typedef enum {
    TS_PART_OK = 0,
    TS_PART_MISSING,
    TS_PART_AMBIGUOUS,          /* there twice, in query and body, or beside
                                   something a backend may take for it */
    TS_PART_TYPE,               /* the body is not of the kind */
    TS_PART_MALFORMED           /* query or body cannot be read, or the value
                                   is no string and no plain integer */
} ts_part_e;


/*
 * A text of configuration: the name of a field, or the JSON pointer, whose
 * names are written to buf (text.len bytes). Both must outlive the part. 0
 * when it cannot be one.
 */

int ts_part_init(ts_part_t *part, ts_part_place_e place, ts_slice_t text,
    uint8_t *buf);

/* The value is a part of the request, or written to buf (TS_PART_VALUE). */

ts_part_e ts_part_read(const ts_part_t *part,
    const ts_part_request_t *request, uint8_t *buf, ts_slice_t *value);


#endif /* TS_PART_H */
