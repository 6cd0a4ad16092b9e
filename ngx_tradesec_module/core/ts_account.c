/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_account.h"


static ts_account_result_e ts_account_fold(ts_slice_t text, uint8_t *out,
    ts_slice_t *account);
static ts_slice_t ts_account_trim(ts_slice_t account);
static inline size_t ts_account_space(const uint8_t *p, const uint8_t *end);


/*
 * Printable ASCII, as nearly always, is folded in passing; what the others
 * fold to is the same for it.
 */

ts_account_result_e
ts_account_normalise(ts_slice_t text, uint8_t *out, ts_slice_t *account)
{
    size_t                i;
    uint8_t               c;
    ts_account_result_e   rc;

    if (text.len > TS_FOLD_IN) {
        return TS_ACCOUNT_TOO_LONG;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c < 0x20 || c >= 0x7f) {
            break;
        }

        out[i] = ts_lower(c);
    }

    *account = ts_slice(out, i);

    if (i < text.len) {
        rc = ts_account_fold(text, out, account);

        if (rc != TS_ACCOUNT_OK) {
            return rc;
        }
    }

    *account = ts_account_trim(*account);

    return account->len ? TS_ACCOUNT_OK : TS_ACCOUNT_EMPTY;
}


static ts_account_result_e
ts_account_fold(ts_slice_t text, uint8_t *out, ts_slice_t *account)
{
    size_t  i;

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
        return TS_ACCOUNT_OK;

    case TS_FOLD_TOO_LONG:
        return TS_ACCOUNT_TOO_LONG;

    case TS_FOLD_ENCODING:
    default:
        return TS_ACCOUNT_ENCODING;
    }
}


static ts_slice_t
ts_account_trim(ts_slice_t account)
{
    size_t          n;
    const uint8_t  *p, *end;

    p = account.data;
    end = p + account.len;

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

    return ts_slice(p, (size_t) (end - p));
}


/*
 * The length of the space at p, 0 when there is none. Folding has turned most
 * of the spaces of Unicode into U+0020; U+1680, U+2028 and U+2029 it keeps.
 */

static inline size_t
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


size_t
ts_account_email(uint8_t *account, size_t len, uint32_t rules)
{
    size_t    i, at, end, dots;
    uint8_t  *p;

    for (at = len; at > 0 && account[at - 1] != '@'; at--) { /* void */ }

    if (at == 0) {
        return len;
    }

    end = at - 1;
    dots = 0;

    for (i = 0; i < end; i++) {

        if (account[i] == '+' && (rules & TS_ACCOUNT_EMAIL_PLUS)) {
            end = i;

        } else if (account[i] == '.' && (rules & TS_ACCOUNT_EMAIL_DOTS)) {
            dots++;
        }
    }

    if (end == dots) {
        return len;
    }

    p = account;

    for (i = 0; i < len; i++) {

        if (i == end) {
            i = at - 1;
        }

        if (i >= end || dots == 0 || account[i] != '.') {
            *p++ = account[i];
        }
    }

    return (size_t) (p - account);
}
