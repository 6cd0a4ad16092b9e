/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Signed tokens in the compact form (RFC 7515, section 7.1): read strictly,
 * then verified with a key of ours.
 *
 * What the header says is a wish: alg must be in the caller's set, spelt byte
 * for byte, and the key must be good for it. crit is refused whatever it
 * lists (RFC 7515, section 4.1.11, with no extension understood), so is b64
 * (RFC 7797). Keys that the token brings along (jwk, jku, x5u, x5c) are never
 * looked at. Every part is base64url in its one canonical spelling, so that a
 * token has one text.
 */

#ifndef TS_JWS_H
#define TS_JWS_H

#include "core/ts_base64url.h"
#include "core/ts_json.h"
#include "core/ts_jwk.h"
#include "core/ts_reason.h"


#define TS_JWS_LEN            8192  /* the longest token */
#define TS_JWS_HEADER_LEN     2048  /* decoded */
#define TS_JWS_HEADER_VALUES  64
#define TS_JWS_HEADER_DEPTH   4
#define TS_JWS_TYP_LEN        64

/* An RSA key of 16384 bits has the longest signature. */

#define TS_JWS_SIGNATURE_LEN  2048

/* A token without kid is tried with that many keys that fit its algorithm. */

#define TS_JWS_TRIES          4


/* The caller's memory for one token at a time, about 13 KB. */

typedef struct {
    ts_slice_t       input;         /* header, "." and payload: is signed */
    ts_slice_t       encoded_payload;
    ts_slice_t       encoded_signature;

    ts_slice_t       payload;       /* data is NULL until they are decoded */
    ts_slice_t       signature;

    ts_jws_alg_e     alg;
    ts_slice_t       kid;           /* decoded; data is NULL without */
    ts_slice_t       typ;

    ts_json_t        header;
    ts_json_token_t  values[TS_JWS_HEADER_VALUES];
    uint8_t          header_buf[TS_JWS_HEADER_LEN];
    uint8_t          payload_buf[ts_base64url_decoded(TS_JWS_LEN)];
    uint8_t          signature_buf[TS_JWS_SIGNATURE_LEN];
    uint8_t          kid_buf[TS_JWK_KID_LEN];
    uint8_t          typ_buf[TS_JWS_TYP_LEN];
} ts_jws_t;


/*
 * Reads form and header. algs is the set of accepted algorithms. The slices
 * are views of token, which must outlive them, and of *jws itself.
 *
 * TS_REASON_NONE, or JWT_TOO_LONG, JWT_MALFORMED (the form), JWT_HEADER (not
 * a header that may be trusted) or JWT_ALGORITHM.
 */

ts_reason_e ts_jws_read(ts_jws_t *jws, ts_slice_t token, uint32_t algs);

/*
 * Decode the payload and the signature, one at a time: who is refused for his
 * claims costs no more. TS_REASON_NONE or JWT_MALFORMED.
 */

ts_reason_e ts_jws_decode_payload(ts_jws_t *jws);
ts_reason_e ts_jws_decode_signature(ts_jws_t *jws);

/*
 * The next key behind previous (NULL: the first) that may verify the token,
 * or NULL. With a kid: the key of that kid, else the keys that have none
 * (PEM); without: every key that fits the algorithm.
 */

const ts_jwk_t *ts_jws_key(const ts_jws_t *jws, const ts_jwks_t *jwks,
    const ts_jwk_t *previous);

/*
 * Verifies the signature of a token of which both are decoded.
 * TS_REASON_NONE, or JWT_UNKNOWN_KEY, JWT_SIGNATURE, or INTERNAL_ERROR:
 * OpenSSL could not tell, which is no yes.
 */

ts_reason_e ts_jws_verify(const ts_jws_t *jws, const ts_jwks_t *jwks);


#endif /* TS_JWS_H */
