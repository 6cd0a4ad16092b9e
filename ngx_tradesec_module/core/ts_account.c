/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_account.h"


static size_t ts_account_space(const uint8_t *p, const uint8_t *end);


ts_account_result_e
ts_account_normalise(ts_slice_t text, uint8_t *out, ts_slice_t *account)
{
    size_t          i, n;
    const uint8_t  *p, *end;

    if (text.len > TS_FOLD_IN) {
        return TS_ACCOUNT_TOO_LONG;
    }

    /* C0, DEL and C1 (U+0080..U+009F are two bytes in UTF-8) */

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20
            || text.data[i] == 0x7f
            || (text.data[i] == 0xc2 && i + 1 < text.len
                && text.data[i + 1] < 0xa0))
        {
            return TS_ACCOUNT_CONTROL;
        }
    }

    switch (ts_fold(text, out, account)) {

    case TS_FOLD_OK:
        break;

    case TS_FOLD_TOO_LONG:
        return TS_ACCOUNT_TOO_LONG;

    case TS_FOLD_ENCODING:
    default:
        return TS_ACCOUNT_ENCODING;
    }

    p = account->data;
    end = p + account->len;

    while ((n = ts_account_space(p, end)) != 0) {
        p += n;
    }

    /* a space is one byte, or three that cannot end a longer character */

    while (p < end) {

        if (ts_account_space(end - 1, end)) {
            end--;

        } else if (end - p >= 3 && ts_account_space(end - 3, end) == 3) {
            end -= 3;

        } else {
            break;
        }
    }

    *account = ts_slice(p, (size_t) (end - p));

    return account->len ? TS_ACCOUNT_OK : TS_ACCOUNT_EMPTY;
}


/*
 * The length of the space at p, 0 when there is none. Folding has turned most
 * of the spaces of Unicode into U+0020; U+1680, U+2028 and U+2029 it keeps.
 */

static size_t
ts_account_space(const uint8_t *p, const uint8_t *end)
{
    if (p == end) {
        return 0;
    }

    if (*p == ' ') {
        return 1;
    }

    if (end - p < 3) {
        return 0;
    }

    if (p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80) {
        return 3;
    }

    return p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)
           ? 3 : 0;
}
