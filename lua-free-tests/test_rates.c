/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_rates.h"


static ts_rates_t *
table(size_t sets)
{
    size_t       size;
    ts_rates_t  *rates;

    size = sizeof(ts_rates_t) + sets * TS_RATES_WAYS * sizeof(ts_rate_t);
    rates = calloc(1, size);

    assert_non_null(rates);
    assert_true(ts_rates_init(rates, size));
    assert_int_equal(rates->sets, sets);

    return rates;
}


static void
a_burst_and_then_the_rate(void **state)
{
    int          n, i;
    ts_rates_t  *rates;

    (void) state;

    rates = table(1);

    /* ten a second, five at once */

    for (n = 0; ts_rates_take(rates, 7, 1000, 10000, 5000); n++) {
        assert_true(n < 10);
    }

    assert_int_equal(n, 5);
    assert_false(ts_rates_take(rates, 7, 1099, 10000, 5000));
    assert_true(ts_rates_take(rates, 7, 1101, 10000, 5000));
    assert_false(ts_rates_take(rates, 7, 1102, 10000, 5000));
    assert_true(ts_rates_take(rates, 8, 1102, 10000, 5000));

    /* in a minute, asked every millisecond: the rate and the burst */

    for (n = 0, i = 0; i < 60000; i++) {
        n += ts_rates_take(rates, 9, 5000 + i, 10000, 5000);
    }

    assert_in_range(n, 600, 605);

    /* a clock that is behind drains nothing and breaks nothing */

    assert_false(ts_rates_take(rates, 9, 4000, 10000, 5000));

    /* a long time */

    for (n = 0; ts_rates_take(rates, 9, UINT64_MAX / 2, 10000, 5000); n++) {
        assert_true(n < 10);
    }

    assert_int_equal(n, 5);

    free(rates);
}


static void
slow_rates(void **state)
{
    int          n, i;
    ts_rates_t  *rates;

    (void) state;

    rates = table(1);

    /* one a minute: 16 of 1/1000 in a second */

    for (n = 0, i = 0; i < 600000; i += 10) {
        n += ts_rates_take(rates, 1, 1 + i, 16, 1000);
    }

    assert_in_range(n, 9, 11);

    free(rates);
}


static void
who_is_slow_gives_way(void **state)
{
    uint64_t     name;
    ts_rates_t  *rates;

    (void) state;

    rates = table(1);

    /* seven who are fast, one who is not */

    for (name = 1; name < TS_RATES_WAYS; name++) {
        while (ts_rates_take(rates, name, 1000, 1000, 4000)) {
            /* void */
        }
    }

    assert_true(ts_rates_take(rates, 100, 1000, 1000, 4000));

    for (name = 200; name < 300; name++) {
        assert_true(ts_rates_take(rates, name, 1000, 1000, 4000));
    }

    for (name = 1; name < TS_RATES_WAYS; name++) {
        assert_false(ts_rates_take(rates, name, 1000, 1000, 4000));
    }

    free(rates);
}


static void
memory_too_small(void **state)
{
    uint64_t  memory[2] = { 0, 0 };

    (void) state;

    assert_false(ts_rates_init(memory, sizeof(memory)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_burst_and_then_the_rate),
        cmocka_unit_test(slow_rates),
        cmocka_unit_test(who_is_slow_gives_way),
        cmocka_unit_test(memory_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
