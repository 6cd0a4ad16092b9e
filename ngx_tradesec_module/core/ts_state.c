/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_state.h"


static char *ts_state_put_hex(char *p, const uint8_t *bytes, size_t n);
static char *ts_state_put_number(char *p, uint64_t number);
static char *ts_state_put_word(char *p, const char *word);
static void ts_state_key_bytes(const ts_attempts_key_t *key, uint8_t *bytes);
static int ts_state_get_word(ts_slice_t *line, ts_slice_t *word);
static int ts_state_get_number(ts_slice_t *line, uint64_t max,
    uint64_t *number);
static int ts_state_get_hex(ts_slice_t *line, uint8_t *bytes, size_t n);


size_t
ts_state_write_lock(char *buf, const ts_state_lock_t *lock)
{
    char     *p;
    uint8_t   bytes[TS_STATE_KEY];

    ts_state_key_bytes(&lock->key, bytes);

    p = ts_state_put_word(buf, "lock ");
    p = ts_state_put_hex(p, bytes, TS_STATE_KEY);
    *p++ = ' ';
    p = ts_state_put_number(p, lock->until);
    *p++ = ' ';
    p = ts_state_put_number(p, lock->left);
    *p++ = ' ';
    p = ts_state_put_number(p, lock->level);
    *p++ = '\n';

    return (size_t) (p - buf);
}


size_t
ts_state_write_revocation(char *buf, const ts_revocation_t *r)
{
    int       i;
    char     *p;
    uint8_t   bytes[sizeof(r->key)];

    for (i = 0; i < (int) sizeof(bytes); i++) {
        bytes[i] = (uint8_t) (r->key >> (56 - i * 8));
    }

    p = ts_state_put_word(buf, "revoke ");
    p = ts_state_put_hex(p, bytes, sizeof(bytes));
    *p++ = ' ';
    p = ts_state_put_number(p, r->time);
    *p++ = ' ';
    p = ts_state_put_number(p, r->expires);
    *p++ = '\n';

    return (size_t) (p - buf);
}


size_t
ts_state_write_key(char *buf, const char *name,
    const uint8_t key[TS_STATE_KEY])
{
    char  *p;

    p = ts_state_put_word(buf, "key ");
    p = ts_state_put_word(p, name);
    *p++ = ' ';
    p = ts_state_put_hex(p, key, TS_STATE_KEY);
    *p++ = '\n';

    return (size_t) (p - buf);
}


int
ts_state_read_lock(ts_slice_t line, ts_state_lock_t *lock)
{
    int         i;
    uint8_t     bytes[TS_STATE_KEY];
    uint64_t    left, level;
    ts_slice_t  word;

    if (!ts_state_get_word(&line, &word)
        || !ts_slice_eq(word, TS_SLICE("lock"))
        || !ts_state_get_hex(&line, bytes, TS_STATE_KEY)
        || !ts_state_get_number(&line, INT64_MAX, &lock->until)
        || !ts_state_get_number(&line, UINT32_MAX, &left)
        || !ts_state_get_number(&line, UINT8_MAX, &level)
        || line.len != 0)
    {
        return 0;
    }

    lock->left = (uint32_t) left;
    lock->level = (uint32_t) level;
    lock->key = (ts_attempts_key_t) { { 0, 0 } };

    for (i = 0; i < TS_STATE_KEY; i++) {
        lock->key.word[i / 8] |= (uint64_t) bytes[i] << (56 - i % 8 * 8);
    }

    return 1;
}


int
ts_state_read_revocation(ts_slice_t line, ts_revocation_t *r)
{
    int         i;
    uint8_t     bytes[sizeof(r->key)];
    uint64_t    time, expires;
    ts_slice_t  word;

    if (!ts_state_get_word(&line, &word)
        || !ts_slice_eq(word, TS_SLICE("revoke"))
        || !ts_state_get_hex(&line, bytes, sizeof(bytes))
        || !ts_state_get_number(&line, UINT32_MAX, &time)
        || !ts_state_get_number(&line, UINT32_MAX, &expires)
        || line.len != 0)
    {
        return 0;
    }

    r->key = 0;

    for (i = 0; i < (int) sizeof(bytes); i++) {
        r->key = r->key << 8 | bytes[i];
    }

    r->time = (uint32_t) time;
    r->expires = (uint32_t) expires;

    return ts_revocation_kind(r->key) < TS_REVOKED_NOTHING;
}


int
ts_state_read_key(ts_slice_t line, ts_slice_t *name,
    uint8_t key[TS_STATE_KEY])
{
    ts_slice_t  word;

    return ts_state_get_word(&line, &word)
           && ts_slice_eq(word, TS_SLICE("key"))
           && ts_state_get_word(&line, name)
           && name->len <= TS_STATE_NAME
           && ts_state_get_hex(&line, key, TS_STATE_KEY)
           && line.len == 0;
}


uint32_t
ts_state_lock_left(const ts_state_lock_t *lock, uint64_t wall)
{
    if (lock->until <= wall) {
        return 0;
    }

    return lock->until - wall < lock->left ? (uint32_t) (lock->until - wall)
                                           : lock->left;
}


static void
ts_state_key_bytes(const ts_attempts_key_t *key, uint8_t *bytes)
{
    int  i;

    for (i = 0; i < TS_STATE_KEY; i++) {
        bytes[i] = (uint8_t) (key->word[i / 8] >> (56 - i % 8 * 8));
    }
}


static char *
ts_state_put_hex(char *p, const uint8_t *bytes, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        *p++ = "0123456789abcdef"[bytes[i] >> 4];
        *p++ = "0123456789abcdef"[bytes[i] & 15];
    }

    return p;
}


static char *
ts_state_put_number(char *p, uint64_t number)
{
    uint8_t     digits[TS_DIGITS];
    ts_slice_t  text;

    text = ts_decimal(number, digits);
    memcpy(p, text.data, text.len);

    return p + text.len;
}


static char *
ts_state_put_word(char *p, const char *word)
{
    while (*word) {
        *p++ = *word++;
    }

    return p;
}


/* A word ends at a single space, or at the end of the line. */

static int
ts_state_get_word(ts_slice_t *line, ts_slice_t *word)
{
    size_t  n;

    for (n = 0; n < line->len && line->data[n] != ' '; n++) { /* void */ }

    *word = ts_slice(line->data, n);

    if (n < line->len) {
        n++;

        if (n == line->len) {
            return 0;
        }
    }

    *line = ts_slice(line->data + n, line->len - n);

    return word->len != 0;
}


/* One spelling: no sign, no leading zero. */

static int
ts_state_get_number(ts_slice_t *line, uint64_t max, uint64_t *number)
{
    size_t      i;
    uint8_t     digit;
    ts_slice_t  word;

    if (!ts_state_get_word(line, &word)
        || (word.len > 1 && word.data[0] == '0'))
    {
        return 0;
    }

    for (i = 0, *number = 0; i < word.len; i++) {
        digit = (uint8_t) (word.data[i] - '0');

        if (digit > 9 || *number > (max - digit) / 10) {
            return 0;
        }

        *number = *number * 10 + digit;
    }

    return 1;
}


static int
ts_state_get_hex(ts_slice_t *line, uint8_t *bytes, size_t n)
{
    size_t       i;
    uint8_t      c;
    ts_slice_t   word;

    if (!ts_state_get_word(line, &word) || word.len != 2 * n) {
        return 0;
    }

    for (i = 0; i < word.len; i++) {
        c = word.data[i];

        if (c >= '0' && c <= '9') {
            c = (uint8_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            c = (uint8_t) (c - 'a' + 10);

        } else {
            return 0;
        }

        bytes[i / 2] = (uint8_t) (i % 2 ? bytes[i / 2] | c : c << 4);
    }

    return 1;
}
