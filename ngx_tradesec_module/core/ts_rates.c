/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_rates.h"


static ts_rate_t *ts_rates_find(ts_rates_t *rates, uint64_t name);


int
ts_rates_init(void *memory, size_t size)
{
    ts_rates_t  *rates = memory;

    if (size < sizeof(ts_rates_t) + TS_RATES_WAYS * sizeof(ts_rate_t)) {
        return 0;
    }

    rates->sets = (size - sizeof(ts_rates_t))
                  / (TS_RATES_WAYS * sizeof(ts_rate_t));

    return 1;
}


int
ts_rates_take(ts_rates_t *rates, uint64_t name, uint64_t now, uint32_t rate,
    uint32_t burst)
{
    uint64_t    passed, drained, excess;
    ts_rate_t  *r;

    r = ts_rates_find(rates, name);

    if (r->name != name) {
        r->name = name;
        r->excess = 0;
        r->last = now;
    }

    /* the clock of another process may be a moment behind */

    passed = (now > r->last) ? now - r->last : 0;
    excess = r->excess;

    /* nobody is that fast: no product overflows */

    drained = (passed < UINT32_MAX) ? passed * rate / 1000 : UINT32_MAX;

    if (drained) {
        r->last = now;
        excess = (drained < excess) ? excess - drained : 0;
    }

    if (excess + 1000 > burst) {
        r->excess = (uint32_t) excess;
        return 0;
    }

    r->excess = (uint32_t) excess + 1000;
    r->drained = now + (uint64_t) r->excess * 1000 / rate;

    return 1;
}


/* The name's slot, or the one that it may have. */

static ts_rate_t *
ts_rates_find(ts_rates_t *rates, uint64_t name)
{
    unsigned    i;
    ts_rate_t  *slots, *least;

    slots = &rates->slots[name % rates->sets * TS_RATES_WAYS];
    least = slots;

    for (i = 0; i < TS_RATES_WAYS; i++) {

        if (slots[i].name == name) {
            return &slots[i];
        }

        if (slots[i].drained < least->drained) {
            least = &slots[i];
        }
    }

    return least;
}
