/*
 * Copyright (C) the ngx_tradesec authors
 *
 * One suite for both homes: the same sequences of reserve, settle and time
 * against shared memory and against the scripts in a real Redis, whose answers
 * must be the same.
 */

#include "attempts_table.h"
#include "redis_server.h"
#include "core/ts_attempts_script.h"


#define STEPS  5000
#define SEEDS  10


static uint64_t        seed;
static redis_server_t  server;

/* how often each verdict was right, to know that all of them were tried */

static uint32_t        seen[TS_ATTEMPTS_FULL];
static uint32_t        locked;
static uint32_t        operated;


static uint32_t
pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


static redisReply *
say(const ts_attempts_script_t *s)
{
    void  *reply;

    assert_true(s->len > 0 && s->len < TS_ATTEMPTS_SCRIPT_TEXT - 1024);
    assert_int_equal(redisAppendFormattedCommand(server.c,
                                             (const char *) s->text, s->len),
                     REDIS_OK);
    assert_int_equal(redisGetReply(server.c, &reply), REDIS_OK);

    return reply;
}


static redisReply *
ask(const ts_attempts_script_t *s)
{
    redisReply  *reply;

    reply = say(s);

    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s", reply->str);
    }

    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);

    return reply;
}


static redisReply *
command(const char *format, const char *arg)
{
    redisReply  *reply;

    reply = redisCommand(server.c, format, arg);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);

    return reply;
}


static ts_attempts_verdict_t
redis_reserve(const ts_attempt_t *a, uint32_t now)
{
    redisReply            *reply;
    ts_attempts_script_t   s;
    ts_attempts_verdict_t  v;

    ts_attempts_script_to_reserve(&s, TS_SLICE("EVAL"),
                                  ts_slice(ts_attempts_script_reserve,
                                           strlen(ts_attempts_script_reserve)),
                                  a, now);
    reply = ask(&s);
    assert_true(ts_attempts_script_verdict(reply->integer, a->n, &v));
    freeReplyObject(reply);

    return v;
}


static uint32_t
redis_settle_or_charge(const ts_attempt_t *a, uint32_t outcome, int charge,
    uint32_t age, uint32_t now, uint32_t *longest)
{
    uint32_t               n;
    redisReply            *reply;
    ts_attempts_script_t   s;

    ts_attempts_script_to_settle(&s, TS_SLICE("EVAL"),
                                 ts_slice(ts_attempts_script_settle,
                                          strlen(ts_attempts_script_settle)),
                                 a, outcome, charge, age, now);
    reply = ask(&s);
    assert_true(ts_attempts_script_settled(reply->integer, a->n, &n, longest));
    freeReplyObject(reply);

    return n;
}


static redisReply *
redis_operate(const ts_attempts_script_question_t *q, uint32_t now)
{
    redisReply            *reply;
    ts_attempts_script_t   s;

    ts_attempts_script_to_operate(&s, TS_SLICE("EVAL"),
                                  ts_slice(ts_attempts_script_operate,
                                           strlen(ts_attempts_script_operate)),
                                  q, now);

    reply = say(&s);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);

    return reply;
}


/* What operators see and clear is the same in both homes. */

static void
operate(ts_attempts_t *t, const ts_attempts_key_t *keys, uint32_t n,
    uint32_t window, uint32_t now)
{
    uint32_t                       i, k, cursor, found;
    redisReply                    *reply, **e;
    ts_attempts_key_t              key;
    ts_attempts_lock_t             list[16];
    ts_attempts_view_t             view;
    ts_attempts_script_question_t  q;

    memset(&q, 0, sizeof(q));

    q.task = TS_ATTEMPTS_SCRIPT_LOOK;
    q.window = window;
    q.keys = keys;
    q.n = n;

    reply = redis_operate(&q, now);
    assert_int_equal(reply->elements, 5 * n);

    for (i = 0; i < n; i++) {
        (void) ts_attempts_look(t, &keys[i], window, now, &view);
        e = &reply->element[5 * i];

        assert_int_equal(e[0]->integer, view.locked);
        assert_int_equal(e[2]->integer, view.failed);
        assert_int_equal(e[3]->integer, view.neutral);
        assert_int_equal(e[4]->integer, view.in_flight);

        if (view.locked) {
            assert_int_equal(e[1]->integer, view.level);
        }
    }

    freeReplyObject(reply);

    q.task = TS_ATTEMPTS_SCRIPT_LIST;
    reply = redis_operate(&q, now);
    assert_string_equal(reply->element[0]->str, "0");

    cursor = 0;
    found = ts_attempts_locks(t, &cursor, list, 16, now);
    assert_int_equal(reply->elements, 1 + 3 * found);

    for (i = 0; i < found; i++) {
        e = &reply->element[1 + 3 * i];
        assert_true(ts_attempts_script_name(
                        ts_slice((uint8_t *) e[0]->str, (size_t) e[0]->len),
                        &key));

        for (k = 0; memcmp(&list[k].key, &key, sizeof(key)) != 0; k++) {
            assert_true(k < found);
        }

        assert_int_equal(e[1]->integer,
                         list[k].until == TS_ATTEMPTS_FOREVER
                         ? TS_ATTEMPTS_FOREVER : list[k].until - now);
        assert_int_equal(e[2]->integer, list[k].level);
        operated++;
    }

    freeReplyObject(reply);
}


static void
operate_and_clear(ts_attempts_t *t, const ts_attempts_key_t *keys, uint32_t n,
    uint32_t window, uint32_t now)
{
    uint32_t                       i, cursor, cleared;
    redisReply                    *reply;
    ts_attempts_script_question_t  q;

    operate(t, keys, n, window, now);

    memset(&q, 0, sizeof(q));

    q.task = TS_ATTEMPTS_SCRIPT_CLEAR;
    q.window = window;
    q.keys = keys;
    q.n = 1;

    reply = redis_operate(&q, now);
    assert_int_equal(reply->integer, ts_attempts_clear(t, &keys[0], now));
    freeReplyObject(reply);

    operate(t, keys, n, window, now);

    /* the locks of which the second word of the key ends as told */

    q.task = TS_ATTEMPTS_SCRIPT_SWEEP;
    q.part.mask = UINT32_MAX;
    q.part.value = 1;

    reply = redis_operate(&q, now);
    assert_int_equal(reply->elements, 2);
    assert_string_equal(reply->element[0]->str, "0");

    cursor = 0;
    cleared = ts_attempts_clear_part(t, &cursor, &q.part, now);
    assert_int_equal(reply->element[1]->integer, cleared);
    freeReplyObject(reply);

    for (i = 0; i < n; i++) {
        operate(t, &keys[i], 1, window, now);
    }
}


static ts_attempt_t
random_attempt(const ts_attempts_rule_t *rules, uint64_t id)
{
    uint32_t      account, address, k;
    ts_attempt_t  a;

    memset(&a, 0, sizeof(a));

    account = pick(2);
    address = pick(2);

    a.id = id;
    a.n = 3;

    for (k = 0; k < a.n; k++) {
        a.counters[k].rule = &rules[k];
    }

    a.counters[0].key = (ts_attempts_key_t) { { account * 2 + address, 1 } };
    a.counters[1].key = (ts_attempts_key_t) { { account, 2 } };
    a.counters[2].key = (ts_attempts_key_t) { { address, 3 } };

    /* spraying and distributed guessing: others that share the counters */

    a.counters[1].other = pick(6);
    a.counters[2].other = pick(6);

    return a;
}


static void
random_rules(ts_attempts_rule_t *rules)
{
    uint32_t  i;

    memset(rules, 0, 3 * sizeof(ts_attempts_rule_t));

    for (i = 0; i < 3; i++) {
        rules[i].window = 20 + pick(60);
        rules[i].limit = 1 + pick(i == 0 ? 6 : 20);
        rules[i].neutral = pick(8);
        rules[i].lock_min = i == 0 || pick(4) == 0 ? 1 + pick(20) : 0;
        rules[i].lock_max = rules[i].lock_min * (1 + pick(30));
        rules[i].permanent = i == 0 && pick(6) == 0;
        rules[i].extend = pick(4) == 0;
        rules[i].decay = 1 + pick(200);
        rules[i].forgive = i < 2;
        rules[i].others = i > 0 ? pick(5) : 0;
    }
}


static void
run_random(uint64_t number)
{
    uint32_t               i, now, n, longest;
    ts_attempt_t           a[12];
    ts_attempts_t         *t;
    ts_attempts_key_t      keys[8];
    ts_attempts_rule_t     rules[3];
    ts_attempts_locked_t   there;
    ts_attempts_outcome_e  outcome;
    ts_attempts_verdict_t  expected, v;

    seed = number * 0x9e3779b97f4a7c15u + 1;

    freeReplyObject(command("FLUSHALL%s", ""));

    memset(a, 0, sizeof(a));
    random_rules(rules);

    t = new_table(TS_ATTEMPTS_SIZE_MIN);
    now = 1000;

    for (i = 0; i < STEPS; i++) {
        now += pick(4) ? 0 : pick(pick(50) ? 6 : 500);
        n = pick(12);

        if (pick(2)) {
            a[n] = random_attempt(rules, i + 1);

            expected = ts_attempts_reserve(t, &a[n], now);
            v = redis_reserve(&a[n], now);

            seen[expected.verdict]++;
            assert_int_equal(v.verdict, expected.verdict);
            assert_int_equal(v.counter, expected.counter);
            assert_int_equal(v.retry_after, expected.retry_after);
            assert_int_equal(v.failed, expected.failed);
            assert_int_equal(v.in_flight, expected.in_flight);

        } else if (a[n].n) {
            outcome = (ts_attempts_outcome_e) (pick(8) > 1 ? 0 : pick(4));

            there = ts_attempts_settle(t, &a[n], outcome, now);

            assert_int_equal(redis_settle_or_charge(&a[n], outcome, 0, 0, now,
                                                    &longest), there.n);
            assert_int_equal(longest, there.n ? there.until - now : 0);

            locked += there.n;
        }
    }

    assert_int_equal(ts_attempts_stats(t).evicted, 0);

    for (i = 0; i < 4; i++) {
        keys[i] = (ts_attempts_key_t) { { i, 1 } };
        keys[4 + i] = (ts_attempts_key_t) { { i / 2, 2 + i % 2 } };
    }

    operate_and_clear(t, keys, TS_ATTEMPTS_KEYS, 20, now);

    free(t);
}


static void
random_sequences_have_the_same_verdicts_in_both_homes(void **state)
{
    uint64_t  i;

    (void) state;

    for (i = 0; i < SEEDS; i++) {
        run_random(i);
    }

    for (i = 0; i < TS_ATTEMPTS_FULL; i++) {
        assert_true(seen[i] > 50);
    }

    assert_true(locked > 100);
    assert_true(operated > 5);
}


static const ts_attempts_rule_t  pair_rule = {
    .window = 900, .limit = 5, .neutral = 5,
    .lock_min = 60, .lock_max = 86400, .decay = 86400, .forgive = 1
};


static ts_attempt_t
guess(uint64_t id)
{
    ts_attempt_t  a;

    memset(&a, 0, sizeof(a));

    a.id = id;
    a.n = 1;
    a.counters[0].key = (ts_attempts_key_t) { { 0xff, 0xab00000000000000 } };
    a.counters[0].rule = &pair_rule;

    return a;
}


static void
every_key_has_a_time_to_live_and_no_other_name(void **state)
{
    uint32_t      longest;
    redisReply   *reply;
    ts_attempt_t  a;

    (void) state;

    freeReplyObject(command("FLUSHALL%s", ""));

    a = guess(1);
    assert_int_equal(redis_reserve(&a, 0).verdict, TS_ATTEMPTS_ADMITTED);

    reply = command("KEYS %s", "*");
    assert_int_equal(reply->elements, 1);
    assert_string_equal(reply->element[0]->str,
                        "tradesec:{login}:00000000000000ffab00000000000000");
    freeReplyObject(reply);

    reply = command("TTL %s",
                    "tradesec:{login}:00000000000000ffab00000000000000");
    assert_in_range(reply->integer, 890, 900);
    freeReplyObject(reply);

    /* what is given back leaves nothing */

    (void) redis_settle_or_charge(&a, TS_ATTEMPTS_SUCCEEDED, 0, 0, 0,
                                  &longest);
    reply = command("DBSIZE%s", "");
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
}


static void
what_was_admitted_elsewhere_is_charged_once(void **state)
{
    uint32_t      i, longest;
    ts_attempt_t  a;

    (void) state;

    freeReplyObject(command("FLUSHALL%s", ""));

    for (i = 0; i < 12; i++) {
        a = guess(1 + i % 4);
        assert_int_equal(redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 1,
                                                30, 5000, &longest), 0);
    }

    a = guess(5);
    assert_int_equal(redis_reserve(&a, 5000).failed, 4);
    assert_int_equal(redis_settle_or_charge(&a, TS_ATTEMPTS_SCRIPT_OPEN, 1,
                                            0, 5000, &longest), 0);

    /* the fifth failure locks, and again nothing is charged twice */

    assert_int_equal(redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 0, 0,
                                            5000, &longest), 1);
    assert_int_equal(longest, 60);
    assert_int_equal(redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 0, 0,
                                            5000, &longest), 0);

    a = guess(6);
    assert_int_equal(redis_reserve(&a, 5000).retry_after, 60);

    /* older than the window: not charged at all; a refund of nothing */

    a = guess(7);
    (void) redis_settle_or_charge(&a, TS_ATTEMPTS_SCRIPT_OPEN, 1, 900, 5060,
                                  &longest);
    (void) redis_settle_or_charge(&a, TS_ATTEMPTS_SUCCEEDED, 0, 0, 5060,
                                  &longest);
    assert_int_equal(redis_reserve(&a, 5060).failed, 0);
}


/* Whoever sets Redis's clock back does not prolong anything by it. */

static void
a_clock_set_back_neither_locks_nor_keeps_for_longer(void **state)
{
    uint32_t      i, longest;
    ts_attempt_t  a;

    (void) state;

    freeReplyObject(command("FLUSHALL%s", ""));

    for (i = 0; i < 5; i++) {
        a = guess(1 + i);
        assert_int_equal(redis_reserve(&a, 900000).verdict,
                         TS_ATTEMPTS_ADMITTED);

        if (i < 4) {
            (void) redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 0, 0,
                                          900000, &longest);
        }
    }

    a = guess(6);
    assert_int_equal(redis_reserve(&a, 1000).verdict, TS_ATTEMPTS_BUSY);

    a = guess(5);
    assert_int_equal(redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 0, 0,
                                            1000, &longest), 1);
    a = guess(6);
    assert_int_equal(redis_reserve(&a, 1000).retry_after, 60);
    assert_int_equal(redis_reserve(&a, 500).retry_after, 60);
    assert_int_equal(redis_reserve(&a, 1060).verdict, TS_ATTEMPTS_ADMITTED);
}


/* It would be asked for again and again: no value may end the script. */

static void
what_is_no_counter_is_replaced(void **state)
{
    size_t        i;
    uint32_t      longest;
    ts_attempt_t  a;

    static const char  key[]
        = "tradesec:{login}:00000000000000ffab00000000000000";

    static const char *const  values[] = {
        "SET %s x", "RPUSH %s x", "HSET %s a b", "SET %s 0123456789abc0",
        "SETRANGE %s 47 x", "SETRANGE %s 46 x"
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        freeReplyObject(command("FLUSHALL%s", ""));
        freeReplyObject(command(values[i], key));

        a = guess(1 + i);
        (void) redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 1, 0, 5000,
                                      &longest);
        (void) redis_reserve(&a, 5000);
        (void) redis_settle_or_charge(&a, TS_ATTEMPTS_FAILED, 0, 0, 5000,
                                      &longest);
        a = guess(100 + i);
        assert_int_equal(redis_reserve(&a, 5000).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    /* a head that says more than there is */

    freeReplyObject(command("FLUSHALL%s", ""));
    freeReplyObject(command("SETRANGE %s 8 \xff\xff\xff\xff\x01", key));
    a = guess(1);
    assert_int_equal(redis_reserve(&a, 5000).verdict, TS_ATTEMPTS_LIMITED);
}


static void
only_sound_numbers_are_answers(void **state)
{
    size_t                 i;
    uint32_t               locked_keys, seconds;
    ts_attempts_verdict_t  v;

    /* of two keys */

    static const long long  verdicts[] = {
        0, 64 * 3 + 8 + 1, 64LL * UINT32_MAX + 4,
        64LL * UINT32_MAX
    };

    static const long long  no_verdicts[] = {
        -1, 1, 4, 64 + 5, 64 + 7, 64 + 16 + 1, 64 + 56 + 1, -64,
        64LL * (1LL << 32) + 4, 64LL * (1LL << 32), INT64_MAX, INT64_MIN
    };

    static const long long  settled[] = { 0, 8 + 1, 8LL * UINT32_MAX + 2 };

    static const long long  not_settled[] = {
        -1, 1, 2, 8, 8 + 3, 8 + 7, 8 * (1LL << 32) + 1, INT64_MAX, INT64_MIN
    };

    (void) state;

    for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        assert_true(ts_attempts_script_verdict(verdicts[i], 2, &v));
    }

    for (i = 0; i < sizeof(no_verdicts) / sizeof(no_verdicts[0]); i++) {
        assert_false(ts_attempts_script_verdict(no_verdicts[i], 2, &v));
    }

    for (i = 0; i < sizeof(settled) / sizeof(settled[0]); i++) {
        assert_true(ts_attempts_script_settled(settled[i], 2, &locked_keys,
                                               &seconds));
        assert_int_equal(locked_keys, settled[i] & 7);
        assert_int_equal(seconds, settled[i] >> 3);
    }

    for (i = 0; i < sizeof(not_settled) / sizeof(not_settled[0]); i++) {
        assert_false(ts_attempts_script_settled(not_settled[i], 2,
                                                &locked_keys, &seconds));
    }

    assert_true(ts_attempts_script_verdict(64LL * (65536 * 3 + 2), 2, &v));
    assert_int_equal(v.failed, 2);
    assert_int_equal(v.in_flight, 3);
}


static void
what_has_no_room_is_no_command(void **state)
{
    ts_attempt_t          a;
    ts_attempts_script_t  s;

    static uint8_t  script[TS_ATTEMPTS_SCRIPT_TEXT];

    (void) state;

    a = guess(1);

    ts_attempts_script_to_reserve(&s, TS_SLICE("EVAL"),
                                  ts_slice(script, sizeof(script)), &a, 0);
    assert_int_equal(s.len, 0);

    ts_attempts_script_to_reserve(&s, TS_SLICE("EVAL"),
                                  ts_slice(script, sizeof(script) - 64), &a,
                                  0);
    assert_int_equal(s.len, 0);
}


static void
names_and_cursors_have_one_spelling(void **state)
{
    size_t             i;
    uint64_t           cursor;
    ts_attempts_key_t  key;

    static const char *const  names[] = {
        "", "0123", "00000000000000ffab0000000000000",
        "00000000000000ffab000000000000000", "00000000000000FFab00000000000000",
        "00000000000000ffab0000000000000g", "00000000000000ffab00000000 00000"
    };

    static const char *const  cursors[] = {
        "", "-1", "1x", " 1", "18446744073709551616", "99999999999999999999"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(ts_attempts_script_name(
                         ts_slice((const uint8_t *) names[i],
                                  strlen(names[i])), &key));
    }

    for (i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        assert_false(ts_attempts_script_cursor(
                         ts_slice((const uint8_t *) cursors[i],
                                  strlen(cursors[i])), &cursor));
    }

    assert_true(ts_attempts_script_name(
                    TS_SLICE("00000000000000ffab00000000000000"), &key));
    assert_int_equal(key.word[0], 0xff);
    assert_int_equal(key.word[1], 0xab00000000000000);
    assert_true(ts_attempts_script_cursor(TS_SLICE("18446744073709551615"),
                                          &cursor));
    assert_int_equal(cursor, UINT64_MAX);
}


static int
start(void **state)
{
    (void) state;

    server = redis_start();

    return 0;
}


static int
stop(void **state)
{
    (void) state;

    redis_stop(&server);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            random_sequences_have_the_same_verdicts_in_both_homes),
        cmocka_unit_test(every_key_has_a_time_to_live_and_no_other_name),
        cmocka_unit_test(what_was_admitted_elsewhere_is_charged_once),
        cmocka_unit_test(a_clock_set_back_neither_locks_nor_keeps_for_longer),
        cmocka_unit_test(what_is_no_counter_is_replaced),
        cmocka_unit_test(only_sound_numbers_are_answers),
        cmocka_unit_test(what_has_no_room_is_no_command),
        cmocka_unit_test(names_and_cursors_have_one_spelling),
    };

    return cmocka_run_group_tests_name("attempts script", tests, start, stop);
}
