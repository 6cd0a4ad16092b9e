/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Client addresses as keys: IPv4 and IPv6 in one form, cut to a prefix.
 */

#ifndef TS_ADDRESS_H
#define TS_ADDRESS_H

#include "core/ts_types.h"


/*
 * 16 bytes and the number of bits that count. IPv4 is ::ffff:0:0/96, as a
 * socket that listens for both shows it, so both ways in give one key.
 */

typedef struct {
    uint8_t  bytes[16];
    uint8_t  bits;
} ts_address_t;


/* From network order; the second takes IPv4-mapped addresses as IPv4. */

ts_address_t ts_address_v4(const uint8_t bytes[4]);
ts_address_t ts_address_v6(const uint8_t bytes[16]);

int ts_address_is_v4(const ts_address_t *address);

/* The first bits (of 128) of the address, the others zero. */

ts_address_t ts_address_prefix(const ts_address_t *address, uint8_t bits);


#endif /* TS_ADDRESS_H */
