/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_address.h"


static const uint8_t  v6[16] = {
    0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78,
    0x9a, 0xbc, 0xde, 0xf0, 0x11, 0x22, 0x33, 0x44
};


static void
a_network_is_its_leading_bytes(void **state)
{
    ts_address_t          a;
    static const uint8_t  v4[4] = { 192, 0, 2, 1 };

    (void) state;

    a = ts_address_v6(v6);

    assert_true(ts_slice_eq(ts_address_network(&a, 64), ts_slice(v6, 8)));
    assert_true(ts_slice_eq(ts_address_network(&a, 56), ts_slice(v6, 7)));
    assert_true(ts_slice_eq(ts_address_network(&a, 48), ts_slice(v6, 6)));

    a = ts_address_v4(v4);

    assert_true(ts_slice_eq(ts_address_network(&a, 64), ts_slice(v4, 4)));
}


static void
a_mapped_address_is_the_ipv4_address(void **state)
{
    ts_address_t          a, b;
    static const uint8_t  v4[4] = { 192, 0, 2, 1 };
    static const uint8_t  mapped[16] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1
    };

    (void) state;

    a = ts_address_v4(v4);
    b = ts_address_v6(mapped);

    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(ts_address_is_v4(&a));
    assert_true(ts_address_is_v4(&b));

    a = ts_address_v6(v6);
    assert_false(ts_address_is_v4(&a));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_network_is_its_leading_bytes),
        cmocka_unit_test(a_mapped_address_is_the_ipv4_address),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
