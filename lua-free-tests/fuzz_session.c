/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The input is a user's name. Either there is no token for him, or the reader
 * of tokens finds exactly him in it, and nothing else that the name could have
 * smuggled in.
 */

#include <assert.h>

#include "core/ts_jwt.h"
#include "core/ts_session.h"


#define NOW  1700000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
claim_is(const ts_jwt_t *jwt, ts_slice_t name, ts_slice_t expected)
{
    uint8_t            buf[1024];
    ts_slice_t         text;
    ts_json_pointer_t  pointer;

    pointer.n = 1;
    pointer.names[0] = name;

    assert(ts_jwt_claim(jwt, &pointer, buf, sizeof(buf), &text)
           == TS_JWT_CLAIM_OK);
    assert(ts_slice_eq(text, expected));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           len;
    uint8_t          out[TS_SESSION_TOKEN];
    ts_session_t     session;
    ts_jwt_policy_t  policy;

    static int        ready;
    static ts_jwt_t   jwt;
    static ts_jwks_t  jwks;

    if (!ready) {
        assert(ts_jwks_read_secret(&jwks,
                                   TS_SLICE("0123456789abcdef0123456789abcdef"),
                                   ts_jws_alg_bit(TS_JWS_ALG_HS256))
               == TS_JWKS_OK);
        ready = 1;
    }

    memset(&session, 0, sizeof(session));

    session.issuer = TS_SLICE("portal");
    session.user = ts_slice(data, size);
    session.id = TS_SLICE("AAAAAAAAAAAAAAAAAAAAAA");
    session.issued = NOW;
    session.expires = NOW + 60;
    session.end = NOW + 3600;
    session.app = TS_SLICE("0123456789abcdefghijkl");

    len = ts_session_write(&session,
                           jwks.keys[0].verifier[TS_JWS_ALG_HS256].hmac, out);

    assert((len != 0) == ts_session_user(session.user));

    if (len == 0) {
        return 0;
    }

    assert(len < sizeof(out));

    memset(&policy, 0, sizeof(policy));
    policy.algs = ts_jws_alg_bit(TS_JWS_ALG_HS256);
    policy.issuer = TS_SLICE("portal");
    policy.type = TS_SLICE(TS_SESSION_TYP);

    assert(ts_jwt_check(&jwt, ts_slice(out, len), &policy, &jwks, NOW)
           == TS_REASON_NONE);
    assert(jwt.expires == NOW + 60);

    claim_is(&jwt, TS_SLICE("sub"), session.user);
    claim_is(&jwt, TS_SLICE("sid"), session.id);
    claim_is(&jwt, TS_SLICE("app"), session.app);
    claim_is(&jwt, TS_SLICE("end"), TS_SLICE("1700003600"));

    return 0;
}
