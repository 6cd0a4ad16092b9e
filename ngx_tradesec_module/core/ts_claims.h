/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The claims that rules read, with their types, packed into a few bytes: they
 * are kept beside a verified token, so that a rule never reads its JSON again.
 *
 * What cannot be compared stays visible as such, and equals nothing: an
 * object, an array within an array, a number beyond int64_t.
 */

#ifndef TS_CLAIMS_H
#define TS_CLAIMS_H

#include "core/ts_json.h"


#define TS_CLAIMS  64       /* that all rules of a configuration may name */


typedef enum {
    TS_CLAIM_FALSE,
    TS_CLAIM_TRUE,
    TS_CLAIM_INTEGER,
    TS_CLAIM_FRACTION,      /* number is the next integer below */
    TS_CLAIM_STRING,
    TS_CLAIM_ARRAY,
    TS_CLAIM_OTHER
} ts_claim_type_e;


typedef struct {
    ts_claim_type_e  type;
    int64_t          number;
    ts_slice_t       bytes;     /* a string's, decoded; an array's elements */
} ts_claim_t;


/* Written by ts_claims_add(), within memory of the caller. */

typedef struct {
    uint8_t         *data;
    size_t           size;
    size_t           len;
} ts_claims_t;


/*
 * Adds the claim; one that is not there (token is NULL) or null adds nothing.
 * One that is too long becomes OTHER. Returns 0 when not even that fits.
 */

int ts_claims_add(ts_claims_t *claims, uint8_t id, const ts_json_t *json,
    const ts_json_token_t *token);

/* The claim of that id; 0 when it is not there. */

int ts_claims_find(ts_slice_t packed, uint8_t id, ts_claim_t *claim);

/* Takes the next element off an array's bytes; 0 at the end. */

int ts_claim_element(ts_slice_t *elements, ts_claim_t *claim);


#endif /* TS_CLAIMS_H */
