/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <openssl/crypto.h>
#include <sodium.h>

#include "core/ts_base64url.h"
#include "core/ts_session.h"
#include "core/ts_utf8.h"


/* Everything but the user is short; of him each byte may need two. */

#define TS_SESSION_CLAIMS  (2 * TS_SESSION_USER_LEN + 640)

#define TS_SESSION_MAC     32


static uint8_t *ts_session_header(const ts_session_t *session, uint8_t *p);
static uint8_t *ts_session_claims(const ts_session_t *session, uint8_t *p);
static uint8_t *ts_session_mac(EVP_MAC_CTX *hmac, const uint8_t *start,
    uint8_t *p);


void
ts_session_hash(const uint8_t key[TS_SESSION_KEY], ts_slice_t value,
    uint8_t out[TS_SESSION_HASH])
{
    uint8_t  hash[crypto_shorthash_siphashx24_BYTES];

    (void) crypto_shorthash_siphashx24(hash, value.data, value.len, key);

    ts_base64url_encode(ts_slice(hash, sizeof(hash)), out);
}


static int
ts_session_same(ts_slice_t claim, const uint8_t hash[TS_SESSION_HASH])
{
    return claim.len == TS_SESSION_HASH
           && CRYPTO_memcmp(claim.data, hash, TS_SESSION_HASH) == 0;
}


int
ts_session_bound(ts_slice_t app, ts_slice_t old, int64_t old_until,
    const uint8_t hash[TS_SESSION_HASH], int64_t now)
{
    return ts_session_same(app, hash)
           || (now < old_until && ts_session_same(old, hash));
}


int
ts_session_user(ts_slice_t user)
{
    size_t     i;
    ts_utf8_t  utf8;

    if (user.len == 0 || user.len > TS_SESSION_USER_LEN
        || user.data[0] == ' ' || user.data[user.len - 1] == ' ')
    {
        return 0;
    }

    for (i = 0; i < user.len; i++) {
        if (user.data[i] < 0x20 || user.data[i] == 0x7f) {
            return 0;
        }
    }

    memset(&utf8, 0, sizeof(utf8));

    return ts_utf8_feed(&utf8, user, NULL, 0) && ts_utf8_complete(&utf8);
}


size_t
ts_session_write(const ts_session_t *session, EVP_MAC_CTX *hmac, uint8_t *out)
{
    size_t    len;
    uint8_t  *p, json[TS_SESSION_CLAIMS];

    if (!ts_session_user(session->user)) {
        return 0;
    }

    len = (size_t) (ts_session_header(session, json) - json);
    ts_base64url_encode(ts_slice(json, len), out);
    p = out + ts_base64url_encoded(len);

    *p++ = '.';

    len = (size_t) (ts_session_claims(session, json) - json);
    ts_base64url_encode(ts_slice(json, len), p);
    p += ts_base64url_encoded(len);

    p = ts_session_mac(hmac, out, p);

    return p ? (size_t) (p - out) : 0;
}


static uint8_t *
ts_session_put(uint8_t *p, ts_slice_t text)
{
    if (text.len) {
        memcpy(p, text.data, text.len);
    }

    return p + text.len;
}


static uint8_t *
ts_session_put_text(uint8_t *p, ts_slice_t name, ts_slice_t text)
{
    size_t  i;

    p = ts_session_put(p, name);
    *p++ = '"';

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '"' || text.data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = text.data[i];
    }

    *p++ = '"';

    return p;
}


static uint8_t *
ts_session_put_number(uint8_t *p, ts_slice_t name, int64_t n)
{
    uint8_t  digits[TS_DIGITS];

    p = ts_session_put(p, name);

    return ts_session_put(p, ts_decimal(n < 0 ? 0 : (uint64_t) n, digits));
}


static uint8_t *
ts_session_header(const ts_session_t *session, uint8_t *p)
{
    p = ts_session_put_text(p, TS_SLICE("{\"alg\":\"HS256\",\"typ\":"),
                            session->pending ? TS_SLICE(TS_SESSION_TYP_PENDING)
                                             : TS_SLICE(TS_SESSION_TYP));
    *p++ = '}';

    return p;
}


static uint8_t *
ts_session_claims(const ts_session_t *session, uint8_t *p)
{
    p = ts_session_put_text(p, TS_SLICE("{\"iss\":"), session->issuer);
    p = ts_session_put_text(p, TS_SLICE(",\"sub\":"), session->user);
    p = ts_session_put_text(p, TS_SLICE(",\"sid\":"), session->id);
    p = ts_session_put_number(p, TS_SLICE(",\"iat\":"), session->issued);
    p = ts_session_put_number(p, TS_SLICE(",\"exp\":"), session->expires);
    p = ts_session_put_number(p, TS_SLICE(",\"end\":"), session->end);
    p = ts_session_put_number(p, TS_SLICE(",\"auth_time\":"),
                              session->authenticated);

    if (session->amr.len) {
        p = ts_session_put_text(p, TS_SLICE(",\"amr\":["), session->amr);
        *p++ = ']';
    }

    p = ts_session_put_text(p, TS_SLICE(",\"app\":"), session->app);

    if (session->old.len) {
        p = ts_session_put_text(p, TS_SLICE(",\"old\":"), session->old);
        p = ts_session_put_number(p, TS_SLICE(",\"old_until\":"),
                                  session->old_until);
    }

    *p++ = '}';

    return p;
}


/* Appends "." and the signature of what is there; NULL: OpenSSL failed. */

static uint8_t *
ts_session_mac(EVP_MAC_CTX *hmac, const uint8_t *start, uint8_t *p)
{
    size_t   len;
    uint8_t  mac[TS_SESSION_MAC];

    /* without a key: starts again from the keyed state */

    if (EVP_MAC_init(hmac, NULL, 0, NULL) != 1
        || EVP_MAC_update(hmac, start, (size_t) (p - start)) != 1
        || EVP_MAC_final(hmac, mac, &len, sizeof(mac)) != 1
        || len != sizeof(mac))
    {
        return NULL;
    }

    *p++ = '.';
    ts_base64url_encode(ts_slice(mac, len), p);

    return p + ts_base64url_encoded(len);
}


int64_t
ts_session_seconds(ts_slice_t text)
{
    size_t   i;
    int64_t  n;

    if (text.len > 18) {
        return 0;
    }

    for (i = 0, n = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        n = n * 10 + (text.data[i] - '0');
    }

    return n;
}
