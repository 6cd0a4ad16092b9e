/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_suggest.h"


#define TS_SUGGEST_MAX  63


static unsigned ts_suggest_distance(ts_slice_t a, ts_slice_t b);
static unsigned ts_suggest_min(unsigned a, unsigned b);


int
ts_suggest(ts_slice_t word, const ts_slice_t *list, size_t n)
{
    int       best;
    size_t    i, longer;
    unsigned  distance, nearest;

    best = -1;
    nearest = TS_SUGGEST_MAX;

    if (word.len > TS_SUGGEST_MAX) {
        return -1;
    }

    for (i = 0; i < n; i++) {

        if (list[i].len > TS_SUGGEST_MAX) {
            continue;
        }

        longer = word.len > list[i].len ? word.len : list[i].len;
        distance = ts_suggest_distance(word, list[i]);

        if (distance * 3 <= longer && distance < nearest) {
            nearest = distance;
            best = (int) i;
        }
    }

    return best;
}


static unsigned
ts_suggest_distance(ts_slice_t a, ts_slice_t b)
{
    size_t    i, j;
    unsigned  cost, d[3][TS_SUGGEST_MAX + 1], *row, *above, *above2;

    for (j = 0; j <= b.len; j++) {
        d[0][j] = (unsigned) j;
    }

    for (i = 1; i <= a.len; i++) {
        row = d[i % 3];
        above = d[(i - 1) % 3];
        above2 = d[(i + 1) % 3];

        row[0] = (unsigned) i;

        for (j = 1; j <= b.len; j++) {
            cost = a.data[i - 1] != b.data[j - 1];

            row[j] = ts_suggest_min(above[j] + 1, row[j - 1] + 1);
            row[j] = ts_suggest_min(row[j], above[j - 1] + cost);

            if (i > 1 && j > 1
                && a.data[i - 1] == b.data[j - 2]
                && a.data[i - 2] == b.data[j - 1])
            {
                row[j] = ts_suggest_min(row[j], above2[j - 2] + 1);
            }
        }
    }

    return d[a.len % 3][b.len];
}


static unsigned
ts_suggest_min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}
