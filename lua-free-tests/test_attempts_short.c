/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Short memory, and attempts at any number of keys, which have any in common:
 * counters leave, but only those that nobody needs, and all others say what
 * they would say if nobody had left.
 */

#define ATTEMPTS   100

#include <sys/mman.h>

#include "attempts_model.h"


#define SEEDS      24
#define STEPS      2500
#define ATTEMPTED  40


/* How often blocks of three counters came, went and were split. */

static uint32_t  came, went, split;
static uint64_t  evicted, full;


typedef struct {
    size_t               size;
    ts_attempts_t       *table;
    ts_attempts_rule_t   rules[3];
    uint32_t             nkeys;
    uint32_t             nattempts;
    uint32_t             now;
    ts_attempt_t         attempts[ATTEMPTED];
    uint32_t             keys[ATTEMPTED][TS_ATTEMPTS_KEYS];
} run_t;


static ts_attempts_key_t
key(uint32_t i)
{
    uint64_t  hash;

    hash = (i + 1) * 0x9e3779b97f4a7c15u | 0x8080808080808080u;

    return (ts_attempts_key_t) { { (hash & ~(uint64_t) 15) | i % 3, hash } };
}


static uint32_t
count_joints(const ts_attempts_t *t)
{
    uint32_t  i, n;

    for (i = TS_ATTEMPTS_FIRST, n = 0; i < t->fresh; i++) {
        n += ts_attempts_block(t, i)->kind == TS_ATTEMPTS_BLOCK_JOINT;
    }

    return n;
}


/* The model forgets what the table had to: nothing that is locked or pinned. */

static void
follow(run_t *run, const ts_attempt_t *pinned, uint64_t before)
{
    uint32_t             i, k, gone;
    ts_attempts_t       *copy;
    ts_attempts_key_t    name;
    ts_attempts_view_t   view;
    model_counter_t     *c;

    copy = aligned_alloc(64, run->size);
    assert_non_null(copy);
    memcpy(copy, run->table, run->size);
    gone = 0;

    for (i = 0; i < run->nkeys; i++) {
        name = key(i);
        c = &model[i];
        model_prune(c, &run->rules[i % 3], run->now);

        if (!ts_attempts_look(copy, &name, run->rules[i % 3].window, run->now,
                              &view))
        {
            assert_true(c->until <= run->now);

            for (k = 0; pinned != NULL && k < pinned->n; k++) {
                assert_int_not_equal(pinned->counters[k].key.word[1],
                                     name.word[1]);
            }

            gone += c->n != 0 || c->until != 0;
            memset(c, 0, sizeof(model_counter_t));
            continue;
        }

        assert_int_equal(view.failed,
                         model_count(c, TS_ATTEMPTS_SLOT_FAILED));
        assert_int_equal(view.neutral,
                         model_count(c, TS_ATTEMPTS_SLOT_NEUTRAL));
        assert_int_equal(view.in_flight,
                         model_count(c, TS_ATTEMPTS_SLOT_IN_FLIGHT));
        assert_int_equal(view.locked,
                         c->until == TS_ATTEMPTS_FOREVER ? TS_ATTEMPTS_FOREVER
                         : c->until > run->now ? c->until - run->now : 0);
    }

    assert_true(gone <= run->table->evicted - before);

    check_table(copy);
    free(copy);
}


static void
reserve_some(run_t *run, uint32_t n, uint64_t id)
{
    uint32_t               k, first, step;
    uint64_t               before;
    ts_attempt_t          *a;
    ts_attempts_verdict_t  expected, v;

    static model_counter_t  saved[KEYS];

    a = &run->attempts[n];
    a->id = id;
    a->n = pick(3) ? 3 : 1 + pick(TS_ATTEMPTS_KEYS);

    first = pick(run->nkeys);
    step = pick(2) ? 1 : 3;         /* no key twice: both have no factor 3 */

    for (k = 0; k < a->n; k++) {
        run->keys[n][k] = (first + k * step) % run->nkeys;
        a->counters[k].key = key(run->keys[n][k]);
        a->counters[k].rule = &run->rules[run->keys[n][k] % 3];
        a->counters[k].other = pick(5);
    }

    memcpy(saved, model, sizeof(model));
    before = run->table->evicted;
    expected = model_reserve(a, run->keys[n], run->now);
    v = ts_attempts_reserve(run->table, a, run->now);

    if (v.verdict == TS_ATTEMPTS_FULL) {
        assert_int_equal(expected.verdict, TS_ATTEMPTS_ADMITTED);
        memcpy(model, saved, sizeof(model));

    } else {
        assert_int_equal(v.verdict, expected.verdict);
        assert_int_equal(v.counter, expected.counter);
        assert_int_equal(v.retry_after, expected.retry_after);
        assert_int_equal(v.failed, expected.failed);
        assert_int_equal(v.in_flight, expected.in_flight);
    }

    follow(run, v.verdict == TS_ATTEMPTS_ADMITTED ? a : NULL, before);
}


static void
settle_one(run_t *run, uint32_t n)
{
    uint64_t               before;
    ts_attempts_outcome_e  outcome;

    outcome = (ts_attempts_outcome_e) (pick(3) ? 2 + pick(2) : pick(2));
    before = run->table->evicted;

    assert_int_equal(ts_attempts_settle(run->table, &run->attempts[n], outcome,
                                        run->now).n,
                     model_settle(&run->attempts[n], run->keys[n], outcome,
                                  run->now));
    follow(run, NULL, before);
}


static void
start_run(run_t *run)
{
    uint32_t             i;
    ts_attempts_rule_t  *rule;

    memset(model, 0, sizeof(model));
    memset(run, 0, sizeof(run_t));

    for (i = 0; i < 3; i++) {
        rule = &run->rules[i];
        rule->window = 20 + pick(60);
        rule->limit = 1 + pick(i == 0 ? 6 : 20);
        rule->neutral = pick(8);
        rule->lock_min = i == 0 || pick(4) == 0 ? 1 + pick(20) : 0;
        rule->lock_max = rule->lock_min * (1 + pick(30));
        rule->decay = 1 + pick(200);
        rule->forgive = i < 2;
        rule->others = i == 2 ? pick(6) : 0;
        rule->permanent = i == 0 && pick(8) == 0;
        rule->extend = i == 0 && pick(4) == 0;
    }

    run->nkeys = pick(2) ? 13 : KEYS;
    run->nattempts = pick(2) ? 4 : ATTEMPTED;
    run->size = ((pick(3) ? 1500 : 700) + pick(pick(2) ? 300 : 9000)) / 64 * 64;
    run->table = new_table(run->size);
    run->now = 1000;
}


static void
who_stays_is_right_and_who_leaves_was_not_needed(void **state)
{
    run_t                run;
    uint32_t             i, n, joints, used;
    uint64_t             k;
    ts_attempts_lock_t   some;

    (void) state;

    for (k = 0; k < SEEDS; k++) {
        seed = k * 0x9e3779b97f4a7c15u + 1;
        start_run(&run);

        for (i = 0; i < STEPS; i++) {
            run.now += pick(4) ? 0 : pick(pick(50) ? 6 : 500);
            n = pick(run.nattempts);

            (void) ts_attempts_locks(run.table, &(uint32_t) { 0 }, &some, 1,
                                     run.now);

            joints = count_joints(run.table);
            used = run.table->used;

            if (pick(2)) {
                reserve_some(&run, n, i + 1);

            } else {
                settle_one(&run, n);
            }

            check_table(run.table);

            came += count_joints(run.table) > joints;
            went += count_joints(run.table) < joints && run.table->used < used;
            split += count_joints(run.table) < joints
                     && run.table->used >= used;
        }

        evicted += run.table->evicted;
        full += run.table->full;
        free(run.table);
    }

    assert_true(came > 100 && went > 20 && split > 50);
    assert_true(evicted > 1000);
    assert_true(full > 0);
}


/*
 * What is found in a block of three makes two new counters, the last used of
 * all: then one that was found before is not the last to be asked to leave.
 */

static void
who_was_found_before_a_split_stays(void **state)
{
    uint32_t             k;
    ts_attempt_t         known, three, a;
    ts_attempts_t       *t;
    ts_attempts_view_t   view;

    static const uint32_t            keys[] = { 0, 2, 4, 5, 6 };
    static const ts_attempts_rule_t  rule = { .window = 50, .limit = 9 };

    (void) state;

    t = new_table(1088);
    assert_int_equal(ts_attempts_stats(t).blocks, 5);

    memset(&a, 0, sizeof(a));

    for (k = 0; k < 5; k++) {
        a.counters[k].key = key(keys[k]);
        a.counters[k].rule = &rule;
    }

    known = a;
    known.id = 1;
    known.n = 1;

    three = a;
    three.id = 2;
    three.n = 3;
    three.counters[0].key = key(1);
    three.counters[2].key = key(3);

    a.id = 3;
    a.n = 5;

    assert_int_equal(ts_attempts_reserve(t, &known, 100).verdict,
                     TS_ATTEMPTS_ADMITTED);
    assert_int_equal(ts_attempts_reserve(t, &three, 100).verdict,
                     TS_ATTEMPTS_ADMITTED);
    assert_int_equal(ts_attempts_reserve(t, &a, 100).verdict,
                     TS_ATTEMPTS_ADMITTED);
    check_table(t);

    assert_int_equal(ts_attempts_stats(t).evicted, 2);

    for (k = 0; k < 5; k++) {
        assert_true(ts_attempts_look(t, &a.counters[k].key, 50, 100, &view));
        assert_int_equal(view.in_flight, k < 2 ? 2 : 1);
    }

    free(t);
}


/* Memory that nobody touches: a place in it has to fit into 32 bits. */

static void
no_memory_is_too_large(void **state)
{
    void    *memory;
    size_t   size;

    (void) state;

    size = (size_t) 200 << 30;
    memory = mmap(NULL, size, PROT_READ|PROT_WRITE,
                  MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        skip();
    }

    assert_true(ts_attempts_stats(ts_attempts_init(memory, size)).blocks
                < UINT32_MAX / TS_ATTEMPTS_PLACES);

    (void) munmap(memory, size);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(no_memory_is_too_large),
        cmocka_unit_test(who_was_found_before_a_split_stays),
        cmocka_unit_test(who_stays_is_right_and_who_leaves_was_not_needed)
    };

    return cmocka_run_group_tests_name("attempts short", tests, NULL, NULL);
}
