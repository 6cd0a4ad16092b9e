/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A process that dies in a call dies between two of its instructions. Here
 * calls are stepped through, and after each instruction that has changed the
 * table a copy of it is put in order as the next process would: no list may
 * be torn, and of what the call had nothing to do with nothing may be lost.
 */

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts_table.h"


#define KEYS     200
#define WINDOW   100
#define PENDING  24
#define TABLE    25600      /* at most, of a table */


typedef enum {
    RESERVE,
    SETTLE,
    MIRROR,
    CLEAR,
    LOOK,
    RESTORE,
    COPY
} call_e;

typedef struct {
    call_e                 what;
    ts_attempt_t          *attempt;
    ts_attempts_outcome_e  outcome;
    uint32_t               key;
    uint32_t               now;
    ts_attempts_t         *to;
} call_t;


static const ts_attempts_rule_t  rules[3] = {
    { .window = WINDOW, .limit = 7, .forgive = 1, .neutral = 2,
      .lock_min = 5, .lock_max = 20, .decay = 10 },
    { .window = WINDOW, .limit = 90, .forgive = 1, .neutral = 90 },
    { .window = WINDOW, .limit = 90, .others = 60 }
};

/* What is stepped through: where everybody knows everybody, and strangers. */

typedef struct {
    uint32_t  n;            /* calls */
    size_t    size;         /* of the table */
    uint32_t  keys;         /* no multiple of 3 */
    uint32_t  pending;      /* attempts at a time */
    uint32_t  calls[COPY + 1];
    uint32_t  outcomes[4];
} setting_t;

static const setting_t  settings[] = {
    { 800, 2560, 14, PENDING, { 16, 16, 2, 2, 2, 1, 1 }, { 1, 1, 1, 1 } },
    { 1600, 25600, 200, 5, { 16, 16, 2, 3, 3, 1, 1 }, { 2, 0, 8, 1 } }
};

static const setting_t  *setting;

/* Blocks of three counters that came, went and were split, in steps. */

static uint32_t  joints[3];

/* Of each kind of call one of so many is stepped through. */

static const uint32_t  stepped[COPY + 1] = { 20, 16, 9, 6, 6, 4, 10 };

static uint64_t  seed;


static uint32_t
pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


/*
 * Four buckets, so that keys of one attempt meet in one. All else is like a
 * hash: taken for a time it lies ahead.
 */

static ts_attempts_key_t
key(uint32_t i)
{
    uint64_t  hash;

    hash = (i + 1) * 0x9e3779b97f4a7c15u | 0x8080808080808080u;

    return (ts_attempts_key_t) { { (hash & ~(uint64_t) 15) | i % 4, hash } };
}


static void
random_attempt(ts_attempt_t *a, uint64_t id)
{
    uint32_t  k, first, step;

    a->id = id;
    a->n = pick(2) ? 3 : 1 + pick(TS_ATTEMPTS_KEYS);

    first = pick(setting->keys);
    step = pick(2) ? 1 : 3;

    for (k = 0; k < a->n; k++) {
        a->counters[k].key = key((first + k * step) % setting->keys);
        a->counters[k].rule = &rules[k % 3];
        a->counters[k].other = pick(5);
    }
}


static void
call(ts_attempts_t *t, const call_t *c)
{
    ts_attempts_key_t   k;
    ts_attempts_view_t  view;

    k = key(c->key);

    switch (c->what) {

    case RESERVE:
        (void) ts_attempts_reserve(t, c->attempt, c->now);
        break;

    case SETTLE:
        (void) ts_attempts_settle(t, c->attempt, c->outcome, c->now);
        break;

    case MIRROR:
        (void) ts_attempts_mirror(t, c->attempt, c->now);
        break;

    case CLEAR:
        (void) ts_attempts_clear(t, &k, c->now);
        break;

    case LOOK:
        (void) ts_attempts_look(t, &k, WINDOW, c->now, &view);
        break;

    case RESTORE:
        (void) ts_attempts_restore(t, &(ts_attempts_lock_t) {
            k, c->now + 3, 1
        }, c->now);
        break;

    case COPY:
        (void) ts_attempts_copy(c->to, t);
        break;
    }
}


static int
concerns(const call_t *c, uint32_t i)
{
    uint32_t  k;

    if (c->what == CLEAR || c->what == RESTORE) {
        return i == c->key;
    }

    if (c->what == LOOK || c->what == COPY) {
        return 0;
    }

    for (k = 0; k < c->attempt->n; k++) {
        if (c->attempt->counters[k].key.word[1] == key(i).word[1]) {
            return 1;
        }
    }

    return 0;
}


/* What a table says of all keys, asked of a copy; puts that in order first. */

static void
views(const ts_attempts_t *t, ts_attempts_view_t v[KEYS], uint32_t now)
{
    uint32_t            i;
    ts_attempts_t      *copy;
    ts_attempts_key_t   k;

    copy = aligned_alloc(64, TABLE);
    assert_non_null(copy);
    memcpy(copy, t, TABLE);

    for (i = 0; i < KEYS; i++) {
        k = key(i);
        (void) ts_attempts_look(copy, &k, WINDOW, now, &v[i]);

        if (i == 0) {
            check_cut_table(copy);
        }
    }

    check_cut_table(copy);
    free(copy);
}


static int
same(const ts_attempts_view_t *a, const ts_attempts_view_t *b)
{
    return a->failed == b->failed && a->neutral == b->neutral
           && a->in_flight == b->in_flight && a->locked == b->locked
           && a->level == b->level;
}


static uint32_t
charged(const ts_attempts_view_t *v)
{
    return v->failed + v->neutral + v->in_flight;
}


static void
check_cut(const ts_attempts_view_t *before, const ts_attempts_view_t *cut,
    const ts_attempts_view_t *after, const call_t *c)
{
    uint32_t  i, least;

    for (i = 0; i < KEYS; i++) {

        if (!concerns(c, i)) {

            /* only what was on its way out may be seen in parts */

            assert_true(same(&cut[i], &before[i])
                        || (charged(&after[i]) == 0
                            && charged(&cut[i]) <= charged(&before[i])));
            continue;
        }

        least = charged(&before[i]) < charged(&after[i])
                ? charged(&before[i]) : charged(&after[i]);

        /* for one that is mirrored its own counter may have to leave */

        if (c->what == MIRROR) {
            least = 0;
        }

        assert_true(charged(&cut[i]) >= least);
        assert_true(cut[i].locked >= before[i].locked
                    || cut[i].locked >= after[i].locked);
    }
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


/* Which of the three that was, if any. */

static void
note_joints(uint32_t before, uint32_t used, const ts_attempts_t *t)
{
    uint32_t  after;

    after = count_joints(t);

    joints[0] += after > before;
    joints[1] += after < before && t->used < used;
    joints[2] += after < before && t->used >= used;
}


/* Returns how many states the table was seen in on the way. */

static uint32_t
step_through(ts_attempts_t *t, const call_t *c)
{
    int                  status, sig;
    pid_t                pid;
    uint8_t             *last;
    uint32_t             n, before_joints, used;
    ts_attempts_t       *done;
    ts_attempts_view_t   before[KEYS], cut[KEYS], after[KEYS];

    done = aligned_alloc(64, TABLE);
    last = aligned_alloc(64, TABLE);
    assert_non_null(done);
    assert_non_null(last);

    memcpy(done, t, TABLE);
    memcpy(last, t, TABLE);
    views(t, before, c->now);
    before_joints = count_joints(t);
    used = t->used;
    call(done, c);
    views(done, after, c->now);

    if (c->to != NULL) {
        memset(c->to, 0, TABLE);
        (void) ts_attempts_init(c->to, setting->size);
    }

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }

        (void) raise(SIGSTOP);
        call(t, c);
        (void) raise(SIGSTOP);
        _exit(2);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));

    n = 0;

    for ( ;; ) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        sig = WSTOPSIG(status);

        if (sig == SIGSTOP) {
            break;
        }

        assert_int_equal(sig, SIGTRAP);

        if (memcmp(last, t, TABLE) == 0) {
            continue;
        }

        memcpy(last, t, TABLE);
        views(t, cut, c->now);
        check_cut(before, cut, after, c);
        n++;
    }

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    check_table(t);
    note_joints(before_joints, used, t);
    views(t, cut, c->now);
    assert_memory_equal(cut, after, sizeof(cut));

    free(done);
    free(last);

    return n;
}


static uint32_t
weighed(const uint32_t *weights, uint32_t n)
{
    uint32_t  i, k, sum;

    for (i = 0, sum = 0; i < n; i++) {
        sum += weights[i];
    }

    k = pick(sum);

    for (i = 0; k >= weights[i]; i++) {
        k -= weights[i];
    }

    return i;
}


static void
random_call(ts_attempts_t *t, call_t *c, ts_attempt_t *pending, uint64_t id)
{
    c->what = (call_e) weighed(setting->calls, COPY + 1);
    c->attempt = &pending[pick(setting->pending)];
    c->outcome = (ts_attempts_outcome_e) weighed(setting->outcomes, 4);
    c->key = pick(setting->keys);
    c->now += pick(4) ? 0 : pick(pick(20) ? 3 : 200);

    if (c->what == RESERVE || c->what == MIRROR) {

        if (setting != settings) {
            (void) ts_attempts_settle(t, c->attempt, TS_ATTEMPTS_WITHDRAWN,
                                      c->now);
        }

        random_attempt(c->attempt, id);
    }
}


static void
step_through_some(uint32_t cuts[COPY + 1])
{
    void           *memory;
    call_t          c;
    uint32_t        i, n[COPY + 1];
    ts_attempt_t    pending[PENDING];
    ts_attempts_t  *t, *to;

    memory = mmap(NULL, TABLE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);

    t = ts_attempts_init(memory, setting->size);
    to = aligned_alloc(64, TABLE);
    assert_non_null(to);

    memset(n, 0, sizeof(n));
    memset(pending, 0, sizeof(pending));
    c = (call_t) { .now = 1000 };

    for (i = 0; i < setting->n; i++) {
        random_call(t, &c, pending, i + 1);

        c.to = c.what == COPY ? to : NULL;

        if (c.to != NULL) {
            memset(to, 0, TABLE);
            (void) ts_attempts_init(to, setting->size);
        }

        if (++n[c.what] % stepped[c.what] == 0) {
            cuts[c.what] += step_through(t, &c);

        } else {
            call(t, &c);
            check_table(t);
        }
    }

    assert_true(setting != settings || ts_attempts_stats(t).evicted > 0);
    assert_int_equal(ts_attempts_stats(t).repaired, 0);

    free(to);
    (void) munmap(memory, TABLE);
}


/* Some machines forbid it, even to a process's own child. */

static int
may_be_traced(void)
{
    int    status;
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}


static void
a_death_after_any_instruction_leaves_a_table_that_works(void **state)
{
    uint32_t  i, cuts[COPY + 1];

    (void) state;

    if (!may_be_traced()) {
        print_message("no process may be traced here\n");
        skip();
    }

    memset(cuts, 0, sizeof(cuts));
    seed = 1;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        setting = &settings[i];
        step_through_some(cuts);
    }

    for (i = 0; i <= COPY; i++) {
        assert_true(cuts[i] > 10);
    }

    for (i = 0; i < 3; i++) {
        assert_true(joints[i] > 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            a_death_after_any_instruction_leaves_a_table_that_works)
    };

    return cmocka_run_group_tests_name("attempts steps", tests, NULL, NULL);
}
