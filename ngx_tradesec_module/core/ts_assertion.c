/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "core/ts_assertion.h"
#include "core/ts_base64url.h"


#define TS_ASSERTION_SIGNATURE  2048 /* of RSA with 16384 bits */
#define TS_ASSERTION_HALF  32       /* of its r and s */


/* Writes as long as there is room; full says that there was not. */

typedef struct {
    uint8_t  *p;
    uint8_t  *end;
    int       full;
} ts_assertion_out_t;


static void
ts_assertion_put(ts_assertion_out_t *out, ts_slice_t text)
{
    if (out->full || text.len > (size_t) (out->end - out->p)) {
        out->full = 1;
        return;
    }

    if (text.len) {
        memcpy(out->p, text.data, text.len);
        out->p += text.len;
    }
}


static void
ts_assertion_put_text(ts_assertion_out_t *out, ts_slice_t name,
    ts_slice_t text)
{
    size_t  i;

    ts_assertion_put(out, name);
    ts_assertion_put(out, TS_SLICE("\""));

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '"' || text.data[i] == '\\') {
            ts_assertion_put(out, TS_SLICE("\\"));
        }

        ts_assertion_put(out, ts_slice(text.data + i, 1));
    }

    ts_assertion_put(out, TS_SLICE("\""));
}


static void
ts_assertion_put_number(ts_assertion_out_t *out, ts_slice_t name, int64_t n)
{
    uint8_t  digits[TS_DIGITS];

    ts_assertion_put(out, name);
    ts_assertion_put(out, ts_decimal(n < 0 ? 0 : (uint64_t) n, digits));
}


static void
ts_assertion_put_base64(ts_assertion_out_t *out, ts_slice_t bytes)
{
    size_t  len;

    len = ts_base64url_encoded(bytes.len);

    if (out->full || len > (size_t) (out->end - out->p)) {
        out->full = 1;
        return;
    }

    ts_base64url_encode(bytes, out->p);
    out->p += len;
}


static void
ts_assertion_claims(const ts_assertion_t *a, ts_assertion_out_t *out)
{
    uint32_t  i;

    ts_assertion_put_text(out, TS_SLICE("{\"iss\":"), a->issuer);
    ts_assertion_put_text(out, TS_SLICE(",\"aud\":"), a->audience);
    ts_assertion_put_text(out, TS_SLICE(",\"sub\":"), a->subject);
    ts_assertion_put_text(out, TS_SLICE(",\"provider\":"), a->provider);
    ts_assertion_put_number(out, TS_SLICE(",\"iat\":"), a->issued);
    ts_assertion_put_number(out, TS_SLICE(",\"exp\":"), a->expires);
    ts_assertion_put_text(out, TS_SLICE(",\"jti\":"), a->id);

    for (i = 0; i < a->n; i++) {

        if (a->claims[i].json.data == NULL) {
            continue;
        }

        ts_assertion_put_text(out, TS_SLICE(","), a->claims[i].name);
        ts_assertion_put(out, TS_SLICE(":"));
        ts_assertion_put(out, a->claims[i].json);
    }

    ts_assertion_put(out, TS_SLICE("}"));
}


/* RFC 7518, section 3.4: r and s as they are, not as DER has them. */

static int
ts_assertion_raw_ecdsa(const uint8_t *der, size_t len, uint8_t *raw)
{
    int         rc;
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) len);
    if (sig == NULL) {
        return 0;
    }

    rc = BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, TS_ASSERTION_HALF)
         == TS_ASSERTION_HALF
         && BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + TS_ASSERTION_HALF,
                         TS_ASSERTION_HALF)
            == TS_ASSERTION_HALF;

    ECDSA_SIG_free(sig);

    return rc;
}


static void
ts_assertion_put_signature(const ts_assertion_key_t *key,
    ts_assertion_out_t *out, ts_slice_t input)
{
    int          done;
    size_t       len;
    uint8_t      raw[2 * TS_ASSERTION_HALF];
    uint8_t      signature[TS_ASSERTION_SIGNATURE];
    EVP_MD_CTX  *md;

    done = 0;
    len = sizeof(signature);
    md = EVP_MD_CTX_new();

    if (md != NULL
        && EVP_DigestSignInit(md, NULL,
                              key->alg[0] == 'E' && key->alg[1] == 'd'
                              ? NULL : EVP_sha256(),
                              NULL, key->pkey)
           == 1
        && EVP_DigestSign(md, signature, &len, input.data, input.len) == 1)
    {
        done = 1;

        if (key->alg[0] == 'E' && key->alg[1] == 'S') {
            done = ts_assertion_raw_ecdsa(signature, len, raw);
            memcpy(signature, raw, done ? sizeof(raw) : 0);
            len = sizeof(raw);
        }
    }

    EVP_MD_CTX_free(md);

    if (!done) {
        out->full = 1;
        return;
    }

    ts_assertion_put(out, TS_SLICE("."));
    ts_assertion_put_base64(out, ts_slice(signature, len));
}


size_t
ts_assertion_sign(const ts_assertion_key_t *key, const ts_assertion_t *a,
    uint8_t *out, size_t size)
{
    uint8_t             header[128], claims[TS_ASSERTION_LEN];
    ts_assertion_out_t  h, c, token;

    h = (ts_assertion_out_t) { header, header + sizeof(header), 0 };

    ts_assertion_put_text(&h, TS_SLICE("{\"alg\":"),
                          ts_slice(key->alg, strlen(key->alg)));
    ts_assertion_put_text(&h, TS_SLICE(",\"typ\":\"JWT\",\"kid\":"),
                          ts_slice(key->kid, TS_ASSERTION_KID));
    ts_assertion_put(&h, TS_SLICE("}"));

    c = (ts_assertion_out_t) { claims, claims + sizeof(claims), 0 };
    ts_assertion_claims(a, &c);

    token = (ts_assertion_out_t) { out, out + size, h.full || c.full };

    ts_assertion_put_base64(&token,
                            ts_slice(header, (size_t) (h.p - header)));
    ts_assertion_put(&token, TS_SLICE("."));
    ts_assertion_put_base64(&token,
                            ts_slice(claims, (size_t) (c.p - claims)));

    if (!token.full) {
        ts_assertion_put_signature(key, &token,
                                   ts_slice(out, (size_t) (token.p - out)));
    }

    return token.full ? 0 : (size_t) (token.p - out);
}
