/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "redis_server.h"

#include "core/ts_revocations_wire.h"


#define NOW  1700000000


static ts_revocations_keys_t
keys_of(uint8_t n)
{
    uint8_t  shared[TS_REVOCATIONS_WIRE_KEY];

    memset(shared, n, sizeof(shared));

    return ts_revocations_keys(shared);
}


static ts_revocation_t
entry(ts_revoked_e kind, uint64_t n, uint32_t time, uint32_t expires)
{
    ts_revocation_t  r;

    r.key = ts_revocation_key(kind, n << 4);
    r.time = time;
    r.expires = expires;

    return r;
}


static void
a_line_is_read_as_it_was_written(void **state)
{
    char                   line[TS_REVOCATIONS_WIRE_LINE];
    size_t                 i, n;
    ts_slice_t             text;
    ts_revocation_t        r, back;
    ts_revocations_keys_t  keys;

    static const ts_revocation_t  ends[] = {
        { 0x8, 0, 0 },
        { 0xfffffffffffffff8, UINT32_MAX, UINT32_MAX },
        { 0x123456789abcdefa, NOW, NOW + 1 },
    };

    (void) state;

    keys = keys_of(1);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        r = ends[i];
        n = ts_revocations_write_line(line, &r, &keys);
        assert_true(n <= TS_REVOCATIONS_WIRE_LINE);

        text = heap_copy(line, n);
        assert_true(ts_revocations_read_line(text, &back, &keys));
        heap_free(text);

        assert_int_equal(back.key, r.key);
        assert_int_equal(back.time, r.time);
        assert_int_equal(back.expires, r.expires);
    }
}


static void
what_no_gateway_has_written_is_refused(void **state)
{
    char                   line[TS_REVOCATIONS_WIRE_LINE];
    int                    bit;
    size_t                 i, n;
    ts_slice_t             text;
    ts_revocation_t        r, back;
    ts_revocations_keys_t  keys, other;

    (void) state;

    keys = keys_of(1);
    other = keys_of(2);
    r = entry(TS_REVOKED_USER, 77, NOW, NOW + 3600);
    n = ts_revocations_write_line(line, &r, &keys);

    assert_memory_not_equal(keys.name, keys.mac, sizeof(keys.name));
    assert_memory_not_equal(keys.name, other.name, sizeof(keys.name));
    assert_false(ts_revocations_read_line(ts_slice(line, n), &back, &other));

    for (i = 0; i < n; i++) {
        text = heap_copy(line, i);
        assert_false(ts_revocations_read_line(text, &back, &keys));
        heap_free(text);

        for (bit = 0; bit < 8; bit++) {
            text = heap_copy(line, n);
            ((uint8_t *) (uintptr_t) text.data)[i] ^= (uint8_t) (1 << bit);
            assert_false(ts_revocations_read_line(text, &back, &keys));
            heap_free(text);
        }
    }

    assert_false(ts_revocations_read_line(ts_slice(line, n + 1), &back,
                                          &keys));
}


static void
a_freeze_does_not_expire(void **state)
{
    ts_revocation_t  r;

    (void) state;

    r = entry(TS_REVOKED_FREEZE, 0, NOW, 0);
    assert_int_equal(ts_revocations_score(&r), UINT32_MAX);
    r = entry(TS_REVOKED_USER, 0, NOW, NOW + 5);
    assert_int_equal(ts_revocations_score(&r), NOW + 5);
}


/* The script in a Redis: what it adds, and what it makes of others' values. */

#define STREAM  TS_REVOCATIONS_STREAM
#define SET     TS_REVOCATIONS_SET


static long long
integer(redis_server_t *s, const char *text)
{
    long long    n;
    redisReply  *reply;

    reply = redisCommand(s->c, text);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    n = reply->integer;
    freeReplyObject(reply);

    return n;
}


static long long
number_of_new(redis_server_t *s, const char *old, const char *beat,
    const char *score, const char *line)
{
    long long    n;
    redisReply  *reply;

    reply = redisCommand(s->c, "EVAL %s 2 %s %s %d %s %s %s %s",
                         ts_revocations_script, STREAM, SET, NOW, old, beat,
                         score, line);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 2);
    n = reply->element[1]->integer;

    if (n || *beat) {
        assert_non_null(strchr(reply->element[0]->str, '-'));
    }

    freeReplyObject(reply);

    return n;
}


static void
the_script_tells_what_is_new(void **state)
{
    redis_server_t  s;

    (void) state;

    s = redis_start();

    assert_int_equal(number_of_new(&s, "", "", "1700003600", "a"), 1);
    assert_int_equal(integer(&s, "XLEN " STREAM), 1);
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "a"), 0);
    assert_int_equal(integer(&s, "XLEN " STREAM), 1);

    /* a line that is superseded goes */

    assert_int_equal(number_of_new(&s, "a", "", "1700007200", "b"), 1);
    assert_int_equal(integer(&s, "ZCARD " SET), 1);
    assert_int_equal(integer(&s, "XLEN " STREAM), 2);

    /* one for the stream alone */

    assert_int_equal(number_of_new(&s, "", "beat", "1700007200", "b"), 0);
    assert_int_equal(integer(&s, "XLEN " STREAM), 3);
    assert_int_equal(integer(&s, "ZCARD " SET), 1);

    /* both have a time to live, the set at least that of its last line */

    assert_in_range(integer(&s, "TTL " STREAM), 80000, 86400);
    assert_in_range(integer(&s, "TTL " SET), 7200, 4000000000);

    /* what has expired for an hour goes, what has just expired stays */

    (void) number_of_new(&s, "", "", "1699990000", "gone");
    (void) number_of_new(&s, "", "", "1699999000", "kept");
    (void) number_of_new(&s, "", "", "1700007200", "b");
    assert_int_equal(integer(&s, "ZCARD " SET), 2);

    redis_stop(&s);
}


static void
the_script_survives_what_others_have_written(void **state)
{
    redis_server_t  s;

    (void) state;

    s = redis_start();

    freeReplyObject(redisCommand(s.c, "SET " STREAM " x"));
    freeReplyObject(redisCommand(s.c, "RPUSH " SET " x"));
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "a"), 1);
    assert_int_equal(integer(&s, "XLEN " STREAM), 1);
    assert_int_equal(integer(&s, "ZCARD " SET), 1);

    /* scores that are no time */

    assert_int_equal(integer(&s, "ZADD " SET " inf x"), 1);
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "b"), 1);
    assert_in_range(integer(&s, "TTL " SET), 3600, 4294967295);

    freeReplyObject(redisCommand(s.c, "DEL " SET));
    assert_int_equal(integer(&s, "ZADD " SET " -inf x"), 1);
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "b"), 1);
    assert_int_equal(integer(&s, "ZADD " SET " 1e300 x"), 1);
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "c"), 1);
    assert_int_equal(integer(&s, "ZADD " SET " 1700009999.5 y"), 1);
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "d"), 1);

    /* a stream that is at its end takes no more */

    freeReplyObject(redisCommand(s.c, "XADD " STREAM " 18446744073709551615"
                                      "-18446744073709551615 r x"));
    assert_int_equal(number_of_new(&s, "", "", "1700003600", "e"), 1);
    assert_int_equal(integer(&s, "XLEN " STREAM), 1);

    redis_stop(&s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_line_is_read_as_it_was_written),
        cmocka_unit_test(what_no_gateway_has_written_is_refused),
        cmocka_unit_test(a_freeze_does_not_expire),
        cmocka_unit_test(the_script_tells_what_is_new),
        cmocka_unit_test(the_script_survives_what_others_have_written),
    };

    return cmocka_run_group_tests_name("revocations_wire", tests, NULL, NULL);
}
