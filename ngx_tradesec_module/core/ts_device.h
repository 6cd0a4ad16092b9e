/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The cookie of a browser that has logged in to an account before. It says
 * nothing but that: an id, when it was issued, and a keyed hash (BLAKE2b) over
 * both, the realm and the account, which it does not name. So it is of use for
 * that account only, and there is one spelling of it.
 */

#ifndef TS_DEVICE_H
#define TS_DEVICE_H

#include "core/ts_types.h"


#define TS_DEVICE_KEY    16
#define TS_DEVICE_ID     16
#define TS_DEVICE_REALM  16
#define TS_DEVICE_TEXT   75     /* characters of base64url */


/* Whose accounts they are: one name in two realms is two accounts. */

typedef struct {
    const uint8_t  *key;
    uint8_t         realm[TS_DEVICE_REALM];
} ts_device_issuer_t;


typedef struct {
    uint8_t   id[TS_DEVICE_ID];
    uint64_t  issued;           /* seconds of the wall clock */
} ts_device_t;


/* Writes TS_DEVICE_TEXT characters. */

void ts_device_write(const ts_device_issuer_t *issuer, ts_slice_t account,
    const ts_device_t *device, uint8_t *out);

/* Whether the text is a cookie of ours for that account. */

int ts_device_read(const ts_device_issuer_t *issuer, ts_slice_t account,
    ts_slice_t text, ts_device_t *device);

/* A cookie from the future is new: a clock was set back, or is another's. */

static inline uint64_t
ts_device_age(const ts_device_t *device, uint64_t now)
{
    return now > device->issued ? now - device->issued : 0;
}


#endif /* TS_DEVICE_H */
