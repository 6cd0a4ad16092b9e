/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_address.h"


static const uint8_t  ts_address_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


ts_address_t
ts_address_v4(const uint8_t bytes[4])
{
    ts_address_t  a;

    memcpy(a.bytes, ts_address_mapped, 12);
    memcpy(a.bytes + 12, bytes, 4);

    return a;
}


ts_address_t
ts_address_v6(const uint8_t bytes[16])
{
    ts_address_t  a;

    memcpy(a.bytes, bytes, 16);

    return a;
}


int
ts_address_is_v4(const ts_address_t *address)
{
    return memcmp(address->bytes, ts_address_mapped, 12) == 0;
}


ts_slice_t
ts_address_network(const ts_address_t *address, uint8_t bits)
{
    return ts_address_is_v4(address) ? ts_slice(address->bytes + 12, 4)
                                     : ts_slice(address->bytes, bits / 8);
}
