/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_delay.h"


uint32_t
ts_delay(const ts_delay_rule_t *rule, uint32_t failed, uint32_t in_flight)
{
    uint32_t  k, one, sum;

    if (rule->first == 0) {
        return 0;
    }

    one = rule->first;
    sum = 0;

    for (k = rule->after; k <= failed + in_flight; k++) {

        if (k >= failed) {
            sum += one;

            if (sum > TS_DELAY_MAX) {
                return TS_DELAY_MAX + 1;
            }
        }

        one = one > rule->longest / 2 ? rule->longest : one * 2;
    }

    return sum;
}
