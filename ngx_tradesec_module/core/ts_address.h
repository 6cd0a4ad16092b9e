/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Client addresses as keys: IPv4 and IPv6 in one form, and their networks.
 */

#ifndef TS_ADDRESS_H
#define TS_ADDRESS_H

#include <endian.h>

#include "core/ts_types.h"


/*
 * IPv4 is ::ffff:0:0/96, as a socket that listens for both shows it, so both
 * ways in give one key.
 */

typedef struct {
    uint8_t  bytes[16];
} ts_address_t;


/* From network order; the second takes IPv4-mapped addresses as IPv4. */

static inline ts_address_t
ts_address_v4(const uint8_t bytes[4])
{
    ts_address_t  a;

    memset(a.bytes, 0, 10);
    memset(a.bytes + 10, 0xff, 2);
    memcpy(a.bytes + 12, bytes, 4);

    return a;
}


/* The second half of its bytes, as one word in memory; the first is zero. */

static inline uint64_t
ts_address_low_v4(uint32_t network_order)
{
    return htole64((uint64_t) le32toh(network_order) << 32 | 0xffff0000);
}


static inline ts_address_t
ts_address_v6(const uint8_t bytes[16])
{
    ts_address_t  a;

    memcpy(a.bytes, bytes, 16);

    return a;
}


static inline int
ts_address_is_v4(const ts_address_t *address)
{
    static const uint8_t  mapped[4] = { 0, 0, 0xff, 0xff };

    uint32_t  middle, prefix;
    uint64_t  zero;

    memcpy(&zero, address->bytes, 8);
    memcpy(&middle, address->bytes + 8, 4);
    memcpy(&prefix, mapped, 4);

    return zero == 0 && middle == prefix;
}


/*
 * The bytes of an IPv6 network of so many bits, a multiple of 8, or all four
 * of an IPv4 address: a part of *address.
 */

static inline ts_slice_t
ts_address_network(const ts_address_t *address, uint8_t bits)
{
    return ts_address_is_v4(address) ? ts_slice(address->bytes + 12, 4)
                                     : ts_slice(address->bytes, bits / 8);
}


#endif /* TS_ADDRESS_H */
