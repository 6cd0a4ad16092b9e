/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef TS_JWK_STRENGTH_H
#define TS_JWK_STRENGTH_H

#include "core/ts_jwk.h"


/*
 * Judges a public key and sets *algs to those it can verify. Anything but
 * TS_JWKS_OK: it must not be used.
 */

ts_jwks_result_e ts_jwk_strength(EVP_PKEY *pkey, uint32_t *algs);


#endif /* TS_JWK_STRENGTH_H */
