/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Client addresses as keys: IPv4 and IPv6 in one form, and their networks.
 */

#ifndef TS_ADDRESS_H
#define TS_ADDRESS_H

#include "core/ts_types.h"


/*
 * IPv4 is ::ffff:0:0/96, as a socket that listens for both shows it, so both
 * ways in give one key.
 */

typedef struct {
    uint8_t  bytes[16];
} ts_address_t;


/* From network order; the second takes IPv4-mapped addresses as IPv4. */

ts_address_t ts_address_v4(const uint8_t bytes[4]);
ts_address_t ts_address_v6(const uint8_t bytes[16]);

int ts_address_is_v4(const ts_address_t *address);

/*
 * The bytes of an IPv6 network of so many bits, a multiple of 8, or all four
 * of an IPv4 address: a part of *address.
 */

ts_slice_t ts_address_network(const ts_address_t *address, uint8_t bits);


#endif /* TS_ADDRESS_H */
