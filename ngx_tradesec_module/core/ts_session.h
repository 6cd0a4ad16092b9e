/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The session token that the gateway issues for an app with a cookie of its
 * own: a JWT (RFC 7519) signed with HS256, which the reader of tokens
 * (core/ts_jwt.h) reads like any other.
 *
 * It names the user, byte for byte, and holds a keyed hash of the app's
 * cookie, so that neither counts without the other. It is written anew when
 * that cookie changes; what says when the session began, iat, stays, so that
 * a revocation of everything issued until now covers what is written later.
 */

#ifndef TS_SESSION_H
#define TS_SESSION_H

#include <openssl/evp.h>

#include "core/ts_types.h"


#define TS_SESSION_KEY         16       /* of the hash of the app's cookie */
#define TS_SESSION_HASH        22       /* that hash in base64url */
#define TS_SESSION_ID          22       /* 16 random bytes in base64url */

#define TS_SESSION_ISSUER_LEN  64
#define TS_SESSION_USER_LEN    256
#define TS_SESSION_TOKEN       2048     /* longer than any token */

#define TS_SESSION_TYP          "tradesec-session"
#define TS_SESSION_TYP_PENDING  "tradesec-pending"


typedef struct {
    ts_slice_t  issuer;         /* letters, digits, "_" and "-" */
    ts_slice_t  user;
    ts_slice_t  id;             /* TS_SESSION_ID characters of base64url */
    ts_slice_t  amr;            /* a name of RFC 8176, or empty */

    int64_t     issued;         /* iat: when the session began */
    int64_t     expires;        /* exp: idle until then */
    int64_t     authenticated;  /* auth_time: when the last factor was shown */
    int64_t     end;            /* the last exp that there will be */

    ts_slice_t  app;            /* hash of the app's cookie */
    ts_slice_t  old;            /* and of the one before, or empty */
    int64_t     old_until;

    int         pending;        /* a factor is missing */
} ts_session_t;


/* Writes the TS_SESSION_HASH characters of a value of the app's cookie. */

void ts_session_hash(const uint8_t key[TS_SESSION_KEY], ts_slice_t value,
    uint8_t out[TS_SESSION_HASH]);

/*
 * Whether a token with these two hashes may come with a cookie of that hash:
 * the app's cookie, or until then the one before it. Compared in constant
 * time.
 */

int ts_session_bound(ts_slice_t app, ts_slice_t old, int64_t old_until,
    const uint8_t hash[TS_SESSION_HASH], int64_t now);

/*
 * Whether the name can be a token's user and be passed on unchanged: 1 to
 * TS_SESSION_USER_LEN bytes of UTF-8 without control characters and without
 * white space at an end.
 */

int ts_session_user(ts_slice_t user);

/*
 * Writes the token to out, which holds TS_SESSION_TOKEN bytes; its length, 0
 * when OpenSSL failed or the user is none. hmac is a keyed HMAC-SHA256
 * context.
 */

size_t ts_session_write(const ts_session_t *session, EVP_MAC_CTX *hmac,
    uint8_t *out);

/* A claim that is a whole number of seconds; 0 for anything else. */

int64_t ts_session_seconds(ts_slice_t text);


#endif /* TS_SESSION_H */
