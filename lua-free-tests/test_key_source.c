/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_key_source.h"


#define NOW  1000000

static const ts_key_source_limits_t  limits = { 600000, 3600000, 10000, 5000 };

static uint32_t  dead;


static int
alive(uint32_t owner)
{
    return owner != dead;
}


static ts_key_source_e
begin(ts_key_source_t *s, int64_t now, uint32_t *flight)
{
    return ts_key_source_begin(s, &limits, now, 7, alive, flight);
}


static void
ages(void **state)
{
    ts_key_source_t  s = { 0 };

    (void) state;

    assert_int_equal(ts_key_source_age(&s, &limits, NOW), TS_KEYS_NONE);

    s.fetched = NOW;

    assert_int_equal(ts_key_source_age(&s, &limits, NOW), TS_KEYS_FRESH);
    assert_int_equal(ts_key_source_age(&s, &limits, NOW + 600000),
                     TS_KEYS_FRESH);
    assert_int_equal(ts_key_source_age(&s, &limits, NOW + 600001),
                     TS_KEYS_DUE);
    assert_int_equal(ts_key_source_age(&s, &limits, NOW + 3600000),
                     TS_KEYS_DUE);
    assert_int_equal(ts_key_source_age(&s, &limits, NOW + 3600001),
                     TS_KEYS_NONE);

    /* another worker's clock may be a moment behind */

    assert_int_equal(ts_key_source_age(&s, &limits, NOW - 5), TS_KEYS_FRESH);
}


static void
one_flight(void **state)
{
    uint32_t         first, second;
    ts_key_source_t  s = { 0 };

    (void) state;

    dead = 0;

    assert_false(ts_key_source_busy(&s, NOW, alive));
    assert_int_equal(begin(&s, NOW, &first), TS_KEY_SOURCE_BEGUN);
    assert_int_not_equal(first, 0);
    assert_true(ts_key_source_busy(&s, NOW, alive));
    assert_int_equal(begin(&s, NOW + 4999, &second), TS_KEY_SOURCE_BUSY);

    assert_true(ts_key_source_end(&s, first, TS_KEY_SOURCE_GOOD, NOW + 100));
    assert_int_equal(s.fetched, NOW + 100);
    assert_false(ts_key_source_busy(&s, NOW + 100, alive));

    /* once an interval, counted from the beginning */

    assert_int_equal(begin(&s, NOW + 9999, &second), TS_KEY_SOURCE_LATER);
    assert_int_equal(begin(&s, NOW + 10000, &second), TS_KEY_SOURCE_BEGUN);
    assert_int_not_equal(first, second);
}


static void
failures(void **state)
{
    uint32_t         flight;
    ts_key_source_t  s = { 0 };

    (void) state;

    dead = 0;

    /* without keys, the next one is soon */

    assert_int_equal(begin(&s, NOW, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_BAD, NOW + 1));
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.fetched, 0);
    assert_int_equal(begin(&s, NOW + 999, &flight), TS_KEY_SOURCE_LATER);
    assert_int_equal(begin(&s, NOW + 1000, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_BAD, NOW + 1001));
    assert_int_equal(s.failed, 2);

    /* with keys, it is not, and they stay as old as they are */

    assert_int_equal(begin(&s, NOW + 2000, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_GOOD, NOW + 2001));
    assert_int_equal(s.failed, 0);
    assert_int_equal(begin(&s, NOW + 12000, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_BAD, NOW + 12001));
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.fetched, NOW + 2001);
    assert_int_equal(begin(&s, NOW + 13000, &flight), TS_KEY_SOURCE_LATER);

    s.failed = UINT32_MAX;
    assert_int_equal(begin(&s, NOW + 22000, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_BAD, NOW + 22001));
    assert_int_equal(s.failed, UINT32_MAX);
}


/* A worker that dies or hangs holds nobody up for long. */

static void
lost_flights(void **state)
{
    uint32_t         first, second;
    ts_key_source_t  s = { 0 };

    (void) state;

    dead = 0;
    s.fetched = NOW;

    assert_int_equal(begin(&s, NOW, &first), TS_KEY_SOURCE_BEGUN);
    dead = 7;
    assert_false(ts_key_source_busy(&s, NOW + 10, alive));
    assert_int_equal(begin(&s, NOW + 10, &second), TS_KEY_SOURCE_LATER);
    assert_int_equal(begin(&s, NOW + 1000, &second), TS_KEY_SOURCE_BEGUN);
    dead = 0;

    /* over its deadline */

    assert_int_equal(begin(&s, NOW + 5999, &first), TS_KEY_SOURCE_BUSY);
    assert_int_equal(begin(&s, NOW + 6000, &first), TS_KEY_SOURCE_BEGUN);

    /* who comes too late ends nobody else's, but what he brings is good */

    assert_false(ts_key_source_end(&s, second, TS_KEY_SOURCE_BAD, NOW + 6001));
    assert_true(ts_key_source_busy(&s, NOW + 6001, alive));
    assert_int_equal(s.failed, 0);
    assert_false(ts_key_source_end(&s, second, TS_KEY_SOURCE_GOOD,
                                   NOW + 6002));
    assert_int_equal(s.fetched, NOW + 6002);
    assert_true(ts_key_source_busy(&s, NOW + 6002, alive));

    assert_true(ts_key_source_end(&s, first, TS_KEY_SOURCE_BAD, NOW + 6003));
    assert_false(ts_key_source_end(&s, first, TS_KEY_SOURCE_BAD, NOW + 6004));
}


/* The client that carried it has left: the source is not to blame. */

static void
cut_flights(void **state)
{
    uint32_t         flight;
    ts_key_source_t  s = { 0 };

    (void) state;

    dead = 0;
    s.fetched = NOW;

    assert_int_equal(begin(&s, NOW, &flight), TS_KEY_SOURCE_BEGUN);
    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_CUT, NOW + 1));
    assert_int_equal(s.failed, 0);
    assert_int_equal(begin(&s, NOW + 999, &flight), TS_KEY_SOURCE_LATER);
    assert_int_equal(begin(&s, NOW + 1000, &flight), TS_KEY_SOURCE_BEGUN);

    /* the number goes round without being 0 */

    assert_true(ts_key_source_end(&s, flight, TS_KEY_SOURCE_CUT, NOW + 1001));
    s.flight = UINT32_MAX;
    assert_int_equal(begin(&s, NOW + 2000, &flight), TS_KEY_SOURCE_BEGUN);
    assert_int_equal(flight, 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages),
        cmocka_unit_test(one_flight),
        cmocka_unit_test(failures),
        cmocka_unit_test(lost_flights),
        cmocka_unit_test(cut_flights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
