/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <endian.h>
#include <sodium.h>

#include "core/ts_base64url.h"
#include "core/ts_device.h"


#define TS_DEVICE_MAC  32


/* What the cookie is, before it becomes text: 56 bytes. */

typedef struct {
    uint64_t  issued;           /* in network order */
    uint8_t   id[TS_DEVICE_ID];
    uint8_t   mac[TS_DEVICE_MAC];
} ts_device_cookie_t;


static void ts_device_mac(const ts_device_issuer_t *issuer,
    ts_slice_t account, const ts_device_cookie_t *cookie, uint8_t *mac);


void
ts_device_write(const ts_device_issuer_t *issuer, ts_slice_t account,
    const ts_device_t *device, uint8_t *out)
{
    ts_device_cookie_t  cookie;

    cookie.issued = htobe64(device->issued);
    memcpy(cookie.id, device->id, TS_DEVICE_ID);

    ts_device_mac(issuer, account, &cookie, cookie.mac);

    ts_base64url_encode(ts_slice(&cookie, sizeof(cookie)), out);
}


int
ts_device_read(const ts_device_issuer_t *issuer, ts_slice_t account,
    ts_slice_t text, ts_device_t *device)
{
    uint8_t             mac[TS_DEVICE_MAC];
    ts_slice_t          bytes;
    ts_device_cookie_t  cookie;

    if (text.len != TS_DEVICE_TEXT
        || ts_base64url_decode(text, (uint8_t *) &cookie, sizeof(cookie),
                               &bytes)
           != TS_BASE64URL_OK)
    {
        return 0;
    }

    ts_device_mac(issuer, account, &cookie, mac);

    if (sodium_memcmp(mac, cookie.mac, TS_DEVICE_MAC) != 0) {
        return 0;
    }

    device->issued = be64toh(cookie.issued);
    memcpy(device->id, cookie.id, TS_DEVICE_ID);

    return 1;
}


static void
ts_device_mac(const ts_device_issuer_t *issuer, ts_slice_t account,
    const ts_device_cookie_t *cookie, uint8_t *mac)
{
    crypto_generichash_blake2b_state  state;

    static const uint8_t  person[crypto_generichash_blake2b_PERSONALBYTES]
        = { 't', 'r', 'a', 'd', 'e', 's', 'e', 'c', ' ',
            'd', 'e', 'v', 'i', 'c', 'e', '1' };

    (void) crypto_generichash_blake2b_init_salt_personal(&state, issuer->key,
                                   TS_DEVICE_KEY, TS_DEVICE_MAC, NULL, person);

    /* all but the last have a fixed length */

    (void) crypto_generichash_blake2b_update(&state, issuer->realm,
                                             TS_DEVICE_REALM);
    (void) crypto_generichash_blake2b_update(&state,
                                             (const uint8_t *) cookie,
                                             offsetof(ts_device_cookie_t,
                                                      mac));
    (void) crypto_generichash_blake2b_update(&state, account.data,
                                             account.len);
    (void) crypto_generichash_blake2b_final(&state, mac, TS_DEVICE_MAC);
}
