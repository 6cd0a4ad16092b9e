/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A normal form is one: normalised again, in upper case, or with spaces
 * around, it comes out the same.
 */

#include <assert.h>

#include "core/ts_account.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
same(const uint8_t *text, size_t len, ts_slice_t expected)
{
    uint8_t     buf[TS_FOLD_OUT];
    ts_slice_t  again;

    if (len <= TS_FOLD_IN) {
        assert(ts_account_normalise(ts_slice(text, len), buf, &again)
               == TS_ACCOUNT_OK);
        assert(ts_slice_eq(again, expected));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      i, len;
    uint8_t     mail[TS_FOLD_OUT];
    uint32_t    rules;
    uint8_t     out[TS_FOLD_OUT], text[TS_FOLD_IN + 3];
    ts_slice_t  account;

    if (ts_account_normalise(ts_slice(data, size), out, &account)
        != TS_ACCOUNT_OK)
    {
        return 0;
    }

    assert(account.len > 0);
    assert(account.data >= out);
    assert(account.data + account.len <= out + sizeof(out));
    assert(account.data[0] != ' ' && account.data[account.len - 1] != ' ');

    for (i = 0; i < account.len; i++) {
        assert(account.data[i] >= 0x20 && account.data[i] != 0x7f);
        assert(account.data[i] < 'A' || account.data[i] > 'Z');
    }

    same(account.data, account.len, account);

    text[0] = ' ';

    for (i = 0; i < size; i++) {
        text[i + 1] = data[i] >= 'a' && data[i] <= 'z' ? data[i] - 0x20
                                                       : data[i];
    }

    text[size + 1] = ' ';

    same(text + 1, size, account);
    same(text, size + 2, account);

    /* what is folded away keeps ASCII from its fast path */

    memcpy(text, "\xe2\x80\x8b", 3);
    memcpy(text + 3, data, size);

    same(text, size + 3, account);

    /* nothing is left to take from what the rules of mail have left */

    for (rules = 0; rules < 4; rules++) {
        memcpy(mail, account.data, account.len);
        len = ts_account_email(mail, account.len, rules);

        assert(len > 0 && len <= account.len);
        assert(rules || len == account.len);
        assert(ts_account_email(mail, len, rules) == len);
    }

    return 0;
}
