/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The same sequences of uses, answers and time in shared memory and in a real
 * Redis: both say the same. Then what only Redis does: to join what two
 * gateways know.
 */

#include "ts_test.h"
#include "redis_server.h"
#include "core/ts_rotation_script.h"


#define STEPS     4000
#define TOKENS    24
#define LIFETIME  2592000
#define GRACE     5
#define SETS      1024


static uint64_t             seed = 88172645463325252;
static redis_server_t       server;
static void                *memory;
static ts_rotation_t        table;
static ts_rotation_times_t  times;


static uint32_t
pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


static int
start(void **state)
{
    (void) state;

    server = redis_start();
    memory = calloc(SETS * TS_ROTATION_WAYS, TS_ROTATION_ENTRY);
    assert_non_null(memory);

    ts_rotation_open(&table, memory,
                     SETS * TS_ROTATION_WAYS * TS_ROTATION_ENTRY);
    times = (ts_rotation_times_t) { 1000, GRACE, LIFETIME };

    return 0;
}


static int
stop(void **state)
{
    (void) state;

    free(memory);
    redis_stop(&server);

    return 0;
}


static ts_rotation_tag_t
tag(uint64_t n)
{
    return (ts_rotation_tag_t) { { n * 0x9e3779b97f4a7c15, ~n } };
}


/* The words behind the script; those that are numbers are of the time. */

static ts_rotation_e
say(uint64_t n, uint64_t *family, uint64_t *access, int argc,
    const char *const *words, const size_t *lens)
{
    int             i;
    char            now[16];
    size_t          argl[16];
    uint8_t         key[TS_ROTATION_SCRIPT_KEY];
    const char     *argv[16];
    redisReply     *reply;
    ts_rotation_e   verdict;

    ts_rotation_script_key(key, tag(n));
    (void) snprintf(now, sizeof(now), "%u", times.now);

    argv[0] = "EVAL";
    argv[1] = ts_rotation_script;
    argv[2] = "1";
    argv[3] = (const char *) key;
    argv[4] = words[0];
    argv[5] = now;

    for (i = 0; i < 6; i++) {
        argl[i] = i == 3 ? sizeof(key) : strlen(argv[i]);
    }

    for (i = 1; i < argc; i++) {
        argv[5 + i] = words[i];
        argl[5 + i] = lens ? lens[i] : strlen(words[i]);
    }

    reply = redisCommandArgv(server.c, 5 + argc, argv, argl);
    assert_non_null(reply);

    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s", reply->str);
    }

    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_true(ts_rotation_script_read(ts_slice(reply->str, reply->len),
                                        &verdict, family, access));
    freeReplyObject(reply);

    return verdict;
}


static ts_rotation_e
redis_use(uint64_t n, uint64_t family, uint64_t *access)
{
    char      hex[17];
    uint64_t  root;

    ts_rotation_script_number((uint8_t *) hex, family);
    hex[16] = '\0';

    return say(n, &root, access, 5,
               (const char *const []) { "use", hex, "3600", "5", "120" },
               NULL);
}


static ts_rotation_e
redis_tell(const ts_rotation_entry_t *e, uint64_t n)
{
    size_t    lens[3];
    uint8_t   text[TS_ROTATION_SCRIPT_ENTRY];
    uint64_t  family, access;

    lens[1] = 1;
    lens[2] = ts_rotation_script_entry(text, e, times.now);

    return say(n, &family, &access, 3,
               (const char *const []) { "tell", "5", (const char *) text },
               lens);
}


static void
redis_free(uint64_t n)
{
    uint64_t  family, access;

    (void) say(n, &family, &access, 2,
               (const char *const []) { "free", "3600" }, NULL);
}


static ts_rotation_entry_t
entry(uint64_t n, uint64_t family, ts_rotation_state_e state, uint32_t next,
    uint64_t access)
{
    return (ts_rotation_entry_t) { tag(n), family, (uint16_t) state, 0, 0,
                                   times.now, times.now + LIFETIME, next,
                                   access };
}


static void
both_homes_say_the_same(void **state)
{
    int                   ended;
    uint32_t              i, seen[4] = { 0, 0, 0, 0 };
    uint64_t              n, next, access, in_redis;
    ts_rotation_e         verdict;
    ts_rotation_tag_t     following;
    ts_rotation_entry_t   e;

    (void) state;

    for (i = 0; i < STEPS; i++) {
        times.now += pick(4) == 0 ? pick(130) : pick(2);
        n = pick(TOKENS) + i / 200 * TOKENS;

        verdict = ts_rotation_use(&table, tag(n), i + 1, times, &access);
        assert_int_equal(redis_use(n, i + 1, &in_redis), verdict);

        seen[verdict]++;

        if (verdict == TS_ROTATION_REUSED) {
            assert_true(access != 0);
            assert_int_equal(in_redis, n + 1);
        }

        if (verdict != TS_ROTATION_FIRST || pick(8) == 0) {
            continue;
        }

        if (pick(4) == 0) {
            (void) ts_rotation_settle(&table, tag(n), NULL, 0, times);
            redis_free(n);
            continue;
        }

        next = pick(TOKENS) + i / 200 * TOKENS;

        if (next == n || ts_rotation_get(&table, tag(next), times.now, &e)) {
            (void) ts_rotation_settle(&table, tag(n), NULL, 0, times);
            redis_free(n);
            continue;
        }

        following = tag(next);
        ended = ts_rotation_settle(&table, tag(n), &following, n + 1, times);

        assert_true(ts_rotation_get(&table, tag(n), times.now, &e));
        assert_int_equal(redis_tell(&e, n) == TS_ROTATION_ENDED, ended);
        assert_true(ts_rotation_get(&table, tag(next), times.now, &e));
        assert_int_equal(redis_tell(&e, next) == TS_ROTATION_ENDED, ended);
    }

    for (i = 0; i < 4; i++) {
        assert_true(seen[i] > 50);
    }
}


/* The next token comes to another gateway before this one's word of it. */

static void
two_families_are_one(void **state)
{
    uint64_t             access;
    ts_rotation_entry_t  e;

    (void) state;

    assert_int_equal(redis_use(9001, 71, &access), TS_ROTATION_FIRST);
    assert_int_equal(redis_use(9002, 72, &access), TS_ROTATION_FIRST);

    e = entry(9001, 71, TS_ROTATION_USED, 2, 5);
    assert_int_equal(redis_tell(&e, 9001), TS_ROTATION_FIRST);
    e = entry(9002, 71, TS_ROTATION_LIVE, 0, 5);
    assert_int_equal(redis_tell(&e, 9002), TS_ROTATION_FIRST);

    /* it is under way still */

    assert_int_equal(redis_use(9002, 73, &access), TS_ROTATION_RACE);

    e = entry(9002, 72, TS_ROTATION_USED, 3, 6);
    assert_int_equal(redis_tell(&e, 9002), TS_ROTATION_FIRST);
    e = entry(9003, 72, TS_ROTATION_LIVE, 0, 6);
    assert_int_equal(redis_tell(&e, 9003), TS_ROTATION_FIRST);

    times.now += GRACE;
    assert_int_equal(redis_use(9001, 74, &access), TS_ROTATION_REUSED);
    assert_int_equal(access, 5);
    assert_int_equal(redis_use(9002, 74, &access), TS_ROTATION_ENDED);
    assert_int_equal(redis_use(9003, 74, &access), TS_ROTATION_ENDED);

    /* what an answer under way hands out has ended, too */

    e = entry(9004, 72, TS_ROTATION_LIVE, 0, 7);
    assert_int_equal(redis_tell(&e, 9004), TS_ROTATION_ENDED);
    assert_int_equal(redis_use(9004, 75, &access), TS_ROTATION_ENDED);
}


/* Two gateways that could not ask have both let a token be used. */

static void
used_twice_apart(void **state)
{
    uint64_t             access;
    ts_rotation_entry_t  e;

    (void) state;

    e = entry(9101, 81, TS_ROTATION_USED, 11, 0);
    assert_int_equal(redis_tell(&e, 9101), TS_ROTATION_FIRST);

    /* told again, and by the other one: a race of the same moment */

    assert_int_equal(redis_tell(&e, 9101), TS_ROTATION_FIRST);
    e = entry(9101, 82, TS_ROTATION_USED, 13, 0);
    e.since -= GRACE - 1;
    assert_int_equal(redis_tell(&e, 9101), TS_ROTATION_FIRST);

    e.since -= 1;
    assert_int_equal(redis_tell(&e, 9101), TS_ROTATION_ENDED);

    e = entry(9102, 82, TS_ROTATION_LIVE, 0, 0);
    assert_int_equal(redis_tell(&e, 9102), TS_ROTATION_ENDED);
    assert_int_equal(redis_use(9101, 83, &access), TS_ROTATION_ENDED);
}


static void
an_answer_that_is_none(void **state)
{
    size_t         i;
    uint64_t       family, access;
    ts_rotation_e  verdict;

    static const char *const  texts[] = {
        "", "0", "400000000000000000000000000000000", "0g",
        "00000000000000000000000000000000",
        "0000000000000000000000000000000000",
        "00000000000000000000000000000000g", "0A00000000000000000000000000000",
        "/00000000000000000000000000000000"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(ts_rotation_script_read(ts_slice(texts[i],
                                                      strlen(texts[i])),
                                             &verdict, &family, &access));
    }

    assert_true(ts_rotation_script_read(
                    TS_SLICE("300000000000000ff00000000000000ab"), &verdict,
                    &family, &access));
    assert_int_equal(verdict, TS_ROTATION_ENDED);
    assert_int_equal(family, 0xff);
    assert_int_equal(access, 0xab);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(both_homes_say_the_same),
        cmocka_unit_test(two_families_are_one),
        cmocka_unit_test(used_twice_apart),
        cmocka_unit_test(an_answer_that_is_none)
    };

    return cmocka_run_group_tests_name("rotation script", tests, start, stop);
}
