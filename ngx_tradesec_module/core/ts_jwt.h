/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whether a token is good now: form, key, claims (RFC 7519), signature. What
 * is cheap comes first, so that junk costs no signature work; until all of it
 * has passed nothing that the token says may be used.
 */

#ifndef TS_JWT_H
#define TS_JWT_H

#include "core/ts_jws.h"


#define TS_JWT_CLAIMS_VALUES  512
#define TS_JWT_CLAIMS_DEPTH   16

#define TS_JWT_AUDIENCES      8

/* Clocks of issuers run ahead: an iat up to that far in the future is fine. */

#define TS_JWT_IAT_SKEW       60


typedef struct {
    uint32_t           algs;            /* ts_jws_alg_bit() of each */

    ts_slice_t         issuer;          /* data is NULL: any */
    uint32_t           n_audiences;     /* 0: any */
    ts_slice_t         audiences[TS_JWT_AUDIENCES];

    int64_t            leeway;          /* seconds */
    int64_t            max_lifetime;    /* exp - iat, seconds; 0: any */

    /*
     * How long its tokens live, seconds; 0: not configured. Then no token
     * lives longer, and one without iat was issued so long before exp.
     */

    int64_t            lifetime;

    /*
     * The kind of token: of a claim, when type_claim names one, else of the
     * header's typ. Without type: no typ, "JWT" or "at+jwt", and no claim that
     * calls it a refresh token.
     */

    ts_slice_t         type;            /* data is NULL: not configured */
    ts_json_pointer_t  type_claim;      /* n is 0: typ */
} ts_jwt_policy_t;


/* The caller's memory for one token at a time, about 22 KB. */

typedef struct {
    ts_jws_t           jws;

    ts_json_t          claims;          /* token 0 is an object */
    ts_json_token_t    values[TS_JWT_CLAIMS_VALUES];

    /* until then, and from then on, it is good; both with leeway */
    int64_t            expires;
    int64_t            not_before;      /* INT64_MIN: always was */

    int64_t            issued;          /* INT64_MIN: nobody knows */
} ts_jwt_t;


/* TS_REASON_NONE when the token is good at this moment. */

ts_reason_e ts_jwt_check(ts_jwt_t *jwt, ts_slice_t token,
    const ts_jwt_policy_t *policy, const ts_jwks_t *jwks, int64_t now);

/*
 * Whether the times still hold: for a token that was found good before. The
 * one place that compares them.
 */

ts_reason_e ts_jwt_times(int64_t expires, int64_t not_before, int64_t now);

/*
 * Reads the claims of a token that is known to be good, without any check of
 * the signature. 0 when it is not what it was.
 */

int ts_jwt_reread(ts_jwt_t *jwt, ts_slice_t token);


typedef enum {
    TS_JWT_CLAIM_OK = 0,
    TS_JWT_CLAIM_NONE,          /* not there, or null */
    TS_JWT_CLAIM_UNFIT          /* no text that could be passed on */
} ts_jwt_claim_e;

/*
 * A claim as text for a request field or a variable. A string as it is; an
 * integer, true and false as they are spelt; of an array the elements, joined
 * by ",". Unfit is what a reader could take for something else: control
 * characters, spaces at either end, a comma within an element, objects,
 * fractions, arrays in arrays, the empty string, more than size bytes.
 */

ts_jwt_claim_e ts_jwt_claim(const ts_jwt_t *jwt,
    const ts_json_pointer_t *pointer, uint8_t *buf, size_t size,
    ts_slice_t *text);


/*
 * One value of a claim after the other, as the same kind of text: the n-th
 * element of an array, or the claim itself for n = 0. None behind the last.
 */

ts_jwt_claim_e ts_jwt_claim_value(const ts_jwt_t *jwt,
    const ts_json_pointer_t *pointer, uint32_t n, uint8_t *buf, size_t size,
    ts_slice_t *text);


/* The same for a user: one string or integer, and there must be one. */

ts_jwt_claim_e ts_jwt_user(const ts_jwt_t *jwt,
    const ts_json_pointer_t *pointer, uint8_t *buf, size_t size,
    ts_slice_t *text);


#endif /* TS_JWT_H */
