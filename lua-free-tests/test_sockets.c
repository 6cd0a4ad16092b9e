/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_sockets.h"


#define SLOTS  8


static uint32_t      dead;
static ts_sockets_t *sockets;


static int
alive(uint32_t worker)
{
    return worker != dead;
}


static int
setup(void **state)
{
    size_t  size;

    (void) state;

    size = sizeof(ts_sockets_t) + SLOTS * sizeof(ts_socket_t);

    sockets = calloc(1, size);
    assert_non_null(sockets);
    assert_true(ts_sockets_init(sockets, size));

    dead = 0;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    free(sockets);

    return 0;
}


static ts_sockets_e
open_socket(uint64_t user, uint64_t address, uint32_t worker, uint32_t *slot)
{
    ts_socket_t         socket = { user, address, worker };
    ts_socket_limits_t  limits = { 2, 3 };

    return ts_sockets_open(sockets, &socket, &limits, alive, slot);
}


static void
limits_hold_and_a_closed_socket_makes_room(void **state)
{
    uint32_t  a, b, c;

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &a), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &b), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 12, 7, &c), TS_SOCKETS_USER);
    assert_int_equal(open_socket(2, 10, 7, &c), TS_SOCKETS_OK);
    assert_int_equal(open_socket(3, 10, 7, &c), TS_SOCKETS_OK);
    assert_int_equal(open_socket(4, 10, 7, &c), TS_SOCKETS_ADDRESS);
    assert_int_equal(ts_sockets_count(sockets), 4);

    ts_sockets_close(sockets, a, 8);
    assert_int_equal(open_socket(1, 12, 7, &c), TS_SOCKETS_USER);

    ts_sockets_close(sockets, a, 7);
    ts_sockets_close(sockets, a, 7);
    ts_sockets_close(sockets, SLOTS + 1, 7);
    assert_int_equal(open_socket(1, 12, 9, &c), TS_SOCKETS_OK);
    assert_int_equal(c, a);

    ts_sockets_close(sockets, a, 7);
    assert_int_equal(ts_sockets_count(sockets), 4);
}


static void
what_a_dead_worker_held_is_free(void **state)
{
    uint32_t  slot;

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(2, 10, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &slot), TS_SOCKETS_USER);

    dead = 7;
    assert_int_equal(open_socket(1, 11, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(ts_sockets_count(sockets), 2);
}


static void
a_full_table_refuses_until_a_worker_dies(void **state)
{
    uint32_t  i, slot;

    (void) state;

    for (i = 0; i < SLOTS; i++) {
        assert_int_equal(open_socket(100 + i, 200 + i, 7 + i % 2, &slot),
                         TS_SOCKETS_OK);
        assert_int_equal(slot, i);
    }

    assert_int_equal(open_socket(1, 1, 8, &slot), TS_SOCKETS_FULL);

    dead = 7;
    assert_int_equal(open_socket(1, 1, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(ts_sockets_count(sockets), SLOTS / 2 + 1);
}


static void
no_limits(void **state)
{
    uint32_t            i, slot;
    ts_socket_t         socket = { 1, 1, 7 };
    ts_socket_limits_t  limits = { 0, 0 };

    (void) state;

    for (i = 0; i < SLOTS; i++) {
        assert_int_equal(ts_sockets_open(sockets, &socket, &limits, alive,
                                         &slot), TS_SOCKETS_OK);
    }
}


static void
memory_too_small(void **state)
{
    (void) state;

    assert_false(ts_sockets_init(sockets, sizeof(ts_sockets_t)));
}


int
main(void)
{
#define test(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        test(limits_hold_and_a_closed_socket_makes_room),
        test(what_a_dead_worker_held_is_free),
        test(a_full_table_refuses_until_a_worker_dies),
        test(no_limits),
        test(memory_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
