/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_revocations.h"


#define NOW     1000000
#define SIZE    4096
#define HOUR    3600


static ts_revocations_t *
new_table(size_t size)
{
    void              *memory;
    ts_revocations_t  *t;

    memory = aligned_alloc(16, size);
    assert_non_null(memory);
    memset(memory, 0, size);

    t = ts_revocations_init(memory, size);
    assert_ptr_equal(t, memory);

    return t;
}


/* A hash as SipHash would make it, of a small number. */

static uint64_t
hash(uint64_t n)
{
    n += 0x9e3779b97f4a7c15;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;

    return n ^ n >> 31;
}


static ts_revocation_t
entry(ts_revoked_e kind, uint64_t n, uint32_t time, uint32_t expires)
{
    ts_revocation_t  r;

    r.key = (kind == TS_REVOKED_EXEMPT)
            ? ts_revocation_exempt(entry(TS_REVOKED_TOKEN, n, 0, 0).key)
            : ts_revocation_key(kind, hash(n * 8 + (uint64_t) kind));
    r.time = time;
    r.expires = expires;

    return r;
}


static ts_revocation_subject_t
subject(uint64_t token, uint64_t session, uint64_t user, int64_t issued)
{
    ts_revocation_subject_t  s;

    s.token = entry(TS_REVOKED_TOKEN, token, 0, 0).key;
    s.session = session ? entry(TS_REVOKED_SESSION, session, 0, 0).key : 0;
    s.user = user ? entry(TS_REVOKED_USER, user, 0, 0).key : 0;
    s.all = entry(TS_REVOKED_ALL, 1, 0, 0).key;
    s.issued = issued;

    return s;
}


static int
add(ts_revocations_t *t, ts_revocation_t r)
{
    return ts_revocations_add(t, &r, NULL, NOW);
}


#define FIND(t, ...)                                                         \
    find(t, subject(__VA_ARGS__))

static ts_revoked_e
find(const ts_revocations_t *t, ts_revocation_subject_t s)
{
    return ts_revocations_find(t, &s);
}


static void
an_empty_list_revokes_nothing(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(FIND(t, 1, 2, 3, 0), TS_REVOKED_NOTHING);
    assert_int_equal(FIND(t, 1, 2, 3, INT64_MIN), TS_REVOKED_NOTHING);
    assert_false(ts_revocations_frozen(t));

    free(t);
}


static void
each_kind_covers_its_own(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_true(add(t, entry(TS_REVOKED_TOKEN, 1, NOW - 9, NOW + HOUR)));
    assert_true(add(t, entry(TS_REVOKED_SESSION, 7, 0, NOW + HOUR)));

    assert_int_equal(FIND(t, 1, 0, 3, NOW - 9), TS_REVOKED_TOKEN);
    assert_int_equal(FIND(t, 2, 7, 3, NOW + 9), TS_REVOKED_SESSION);
    assert_int_equal(FIND(t, 2, 8, 3, NOW - 9), TS_REVOKED_NOTHING);
    assert_int_equal(FIND(t, 2, 1, 1, NOW - 9), TS_REVOKED_NOTHING);

    free(t);
}


static void
a_user_is_revoked_up_to_the_moment_inclusive(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_true(add(t, entry(TS_REVOKED_USER, 3, NOW, NOW + HOUR)));

    assert_int_equal(FIND(t, 1, 2, 3, NOW - 1), TS_REVOKED_USER);
    assert_int_equal(FIND(t, 1, 2, 3, NOW), TS_REVOKED_USER);
    assert_int_equal(FIND(t, 1, 2, 3, NOW + 1), TS_REVOKED_NOTHING);
    assert_int_equal(FIND(t, 1, 2, 4, NOW - 1), TS_REVOKED_NOTHING);

    /* who does not know when it was issued was issued before */

    assert_int_equal(FIND(t, 1, 2, 3, INT64_MIN), TS_REVOKED_USER);

    free(t);
}


static void
a_later_revocation_widens_the_entry(void **state)
{
    uint64_t           generation;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_USER, 3, NOW, NOW + HOUR));
    generation = ts_revocations_generation(t);

    (void) add(t, entry(TS_REVOKED_USER, 3, NOW - 100, NOW + 10));
    assert_int_equal(ts_revocations_generation(t), generation);
    assert_int_equal(FIND(t, 1, 2, 3, NOW), TS_REVOKED_USER);

    (void) add(t, entry(TS_REVOKED_USER, 3, NOW + 100, NOW + 2 * HOUR));
    assert_int_not_equal(ts_revocations_generation(t), generation);
    assert_int_equal(FIND(t, 1, 2, 3, NOW + 100), TS_REVOKED_USER);
    assert_int_equal(ts_revocations_stats(t).entries, 1);

    free(t);
}


static void
an_exempt_token_survives_that_revocation_only(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_EXEMPT, 1, NOW, NOW + HOUR));
    (void) add(t, entry(TS_REVOKED_USER, 3, NOW, NOW + HOUR));

    assert_int_equal(FIND(t, 1, 2, 3, NOW), TS_REVOKED_NOTHING);
    assert_int_equal(FIND(t, 2, 2, 3, NOW), TS_REVOKED_USER);

    (void) add(t, entry(TS_REVOKED_USER, 3, NOW + 5, NOW + HOUR));
    assert_int_equal(FIND(t, 1, 2, 3, NOW), TS_REVOKED_USER);

    free(t);
}


static void
an_exemption_is_none_from_other_kinds(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_EXEMPT, 1, NOW, NOW + HOUR));
    (void) add(t, entry(TS_REVOKED_TOKEN, 1, NOW, NOW + HOUR));
    assert_int_equal(FIND(t, 1, 0, 0, NOW), TS_REVOKED_TOKEN);

    (void) add(t, entry(TS_REVOKED_EXEMPT, 2, NOW, NOW + HOUR));
    (void) add(t, entry(TS_REVOKED_SESSION, 7, NOW, NOW + HOUR));
    assert_int_equal(FIND(t, 2, 7, 0, NOW), TS_REVOKED_SESSION);

    free(t);
}


static void
everything_of_an_issuer(void **state)
{
    ts_revocations_t         *t;
    ts_revocation_subject_t   other;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_ALL, 1, NOW, NOW + HOUR));

    assert_int_equal(FIND(t, 1, 2, 3, NOW), TS_REVOKED_ALL);
    assert_int_equal(FIND(t, 9, 8, 7, NOW + 1), TS_REVOKED_NOTHING);

    other = subject(1, 2, 3, NOW);
    other.all = entry(TS_REVOKED_ALL, 2, 0, 0).key;
    assert_int_equal(find(t, other), TS_REVOKED_NOTHING);

    free(t);
}


static void
what_has_expired_gives_its_room_back(void **state)
{
    uint32_t           i, round, now;
    ts_revocation_t    r;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (round = 0; round < 50; round++) {
        now = NOW + round * HOUR;

        for (i = 0; i < 100; i++) {
            r = entry(TS_REVOKED_TOKEN, round * 100 + i, now, now + HOUR);
            assert_true(ts_revocations_add(t, &r, NULL, now));
        }

        for (i = 0; i < 100; i++) {
            assert_int_equal(FIND(t, round * 100 + i, 0, 0, now),
                             TS_REVOKED_TOKEN);
        }
    }

    assert_int_equal(ts_revocations_stats(t).cutoff, 0);

    /* and the last one leaves an empty list, which costs nothing */

    for (i = 0; i < 50; i++) {
        r = entry(TS_REVOKED_TOKEN, 1, now, now + 2 * HOUR);
        (void) ts_revocations_add(t, &r, NULL, now + 9 * HOUR);
    }

    assert_in_range(ts_revocations_stats(t).entries, 0, 1);

    free(t);
}


static void
above_half_a_users_tokens_take_one_entry(void **state)
{
    uint32_t           i;
    ts_revocation_t    r, user;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 100000; i++) {
        r = entry(TS_REVOKED_TOKEN, i, NOW, NOW + HOUR);
        user = entry(TS_REVOKED_USER, i % 8 + 1, NOW, NOW + HOUR);

        assert_true(ts_revocations_add(t, &r, &user, NOW));
        assert_int_not_equal(FIND(t, i, 0, i % 8 + 1, NOW),
                             TS_REVOKED_NOTHING);
    }

    assert_int_equal(ts_revocations_stats(t).cutoff, 0);
    assert_int_equal(FIND(t, 7, 0, 9, NOW), TS_REVOKED_TOKEN);
    assert_int_equal(FIND(t, i, 0, 9, NOW), TS_REVOKED_NOTHING);

    free(t);
}


static void
a_full_list_cuts_off_and_unrevokes_nobody(void **state)
{
    uint32_t           i, cut;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 1, cut = 0; i <= 1000; i++) {
        cut += !add(t, entry(TS_REVOKED_USER, i, NOW - i % 3, NOW + HOUR));
    }

    assert_in_range(cut, 1, 1000);
    assert_int_equal(ts_revocations_stats(t).cutoff, NOW);

    for (i = 1; i <= 1000; i++) {
        assert_int_not_equal(FIND(t, 0, 0, i, NOW - i % 3),
                             TS_REVOKED_NOTHING);
    }

    /* also others, which is the alarm; but nobody who logs in again */

    assert_int_equal(FIND(t, 0, 0, 5000, NOW), TS_REVOKED_CUTOFF);
    assert_int_equal(FIND(t, 0, 0, 5000, NOW + 1), TS_REVOKED_NOTHING);

    /* it holds as long as the last of them would have, and then goes */

    assert_true(ts_revocations_add(t,
                    &(ts_revocation_t) { ts_revocation_key(TS_REVOKED_TOKEN,
                                                           hash(1)),
                                         NOW, NOW + 2 * HOUR },
                    NULL, NOW + HOUR - 1));
    assert_int_equal(FIND(t, 0, 0, 5000, NOW), TS_REVOKED_CUTOFF);

    assert_true(ts_revocations_add(t,
                    &(ts_revocation_t) { ts_revocation_key(TS_REVOKED_TOKEN,
                                                           hash(2)),
                                         NOW, NOW + 2 * HOUR },
                    NULL, NOW + HOUR));
    assert_int_equal(FIND(t, 0, 0, 5000, NOW), TS_REVOKED_NOTHING);

    free(t);
}


static void
sessions_outlive_the_cut_off(void **state)
{
    uint32_t           i;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_SESSION, 7, 0, NOW + HOUR));

    for (i = 1; i <= 1000; i++) {
        (void) add(t, entry(TS_REVOKED_USER, i, NOW, NOW + HOUR));
    }

    assert_int_equal(FIND(t, 1, 7, 5000, NOW + 100), TS_REVOKED_SESSION);

    free(t);
}


/* A token of a clock that runs ahead is not of the past that is cut off. */

static void
what_is_of_the_future_stays_revoked(void **state)
{
    uint32_t           i;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    (void) add(t, entry(TS_REVOKED_TOKEN, 1, NOW + 30, NOW + HOUR));

    for (i = 1; i <= 1000; i++) {
        (void) add(t, entry(TS_REVOKED_USER, i, NOW, NOW + HOUR));
    }

    assert_int_equal(FIND(t, 1, 0, 5000, NOW + 30), TS_REVOKED_TOKEN);

    free(t);
}


static void
a_dead_writer_is_noticed(void **state)
{
    uint32_t           i, *head;
    uint64_t          *slot;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 20; i++) {
        (void) add(t, entry(TS_REVOKED_TOKEN, i, NOW, NOW + HOUR));
    }

    /* the layout is the core's own: a count that is wrong, the mark, and a
       slot that was being changed */

    head = (uint32_t *) t;
    head[3] = 3;
    head[5] = 1;

    slot = (uint64_t *) ((uint8_t *) t + 64);

    for (i = 0; slot[2 * i] != 0; i++) { /* void */ }

    slot[2 * i] = 1;

    (void) add(t, entry(TS_REVOKED_TOKEN, 21, NOW, NOW + HOUR));
    assert_in_range(ts_revocations_stats(t).entries, 21, 22);

    for (i = 0; i < 20; i++) {
        assert_int_equal(FIND(t, i, 0, 0, NOW), TS_REVOKED_TOKEN);
    }

    free(t);
}


static void
freezing_is_lifted_by_a_later_order_only(void **state)
{
    ts_revocation_t    frozen, lifted;
    ts_revocations_t  *t, *other;

    (void) state;

    t = new_table(SIZE);
    other = new_table(SIZE);

    frozen = ts_revocations_freeze(t, 1, NOW);
    assert_true(ts_revocations_frozen(t));
    assert_int_equal(ts_revocations_stats(t).frozen, NOW);

    lifted = ts_revocations_freeze(t, 0, NOW);
    assert_false(ts_revocations_frozen(t));

    /* in any order, elsewhere */

    assert_true(ts_revocations_restore(other, &lifted, NOW));
    assert_true(ts_revocations_restore(other, &frozen, NOW));
    assert_false(ts_revocations_frozen(other));

    /* also with a clock that was set back */

    (void) ts_revocations_freeze(t, 1, NOW - 500);
    assert_true(ts_revocations_frozen(t));
    (void) ts_revocations_freeze(t, 0, NOW - 500);
    assert_false(ts_revocations_frozen(t));

    free(t);
    free(other);
}


static void
a_copy_by_listing_is_complete(void **state)
{
    uint32_t           i, k, n, cursor, size;
    ts_revocation_t    list[7];
    ts_revocations_t  *t, *copy;

    static const uint32_t  sizes[] = { SIZE, 2 * SIZE, SIZE / 4 };

    (void) state;

    t = new_table(SIZE);

    for (i = 1; i <= 100; i++) {
        (void) add(t, entry(TS_REVOKED_USER, i, NOW, NOW + HOUR));
    }

    (void) add(t, entry(TS_REVOKED_TOKEN, 1, NOW, NOW + 5));
    (void) ts_revocations_freeze(t, 1, NOW);

    for (k = 0; k < 3; k++) {
        size = sizes[k];
        copy = new_table(size);
        cursor = 0;

        do {
            n = ts_revocations_list(t, &cursor, list, 7, NOW + 5);

            for (i = 0; i < n; i++) {
                (void) ts_revocations_restore(copy, &list[i], NOW + 5);
            }

        } while (cursor);

        assert_true(ts_revocations_frozen(copy));

        for (i = 1; i <= 100; i++) {
            assert_int_not_equal(FIND(copy, 0, 0, i, NOW),
                                 TS_REVOKED_NOTHING);
        }

        assert_int_equal(ts_revocations_stats(copy).cutoff != 0, size < SIZE);
        free(copy);
    }

    free(t);
}


static void
a_clock_that_jumps_ahead_forgets_nothing(void **state)
{
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(ts_revocations_now(t, NOW, 50), NOW);
    assert_int_equal(ts_revocations_now(t, NOW + 10, 60), NOW + 10);

    assert_int_equal(ts_revocations_now(t, NOW + 9 * HOUR, 70), NOW + 20);
    assert_int_equal(ts_revocations_now(t, NOW + 9 * HOUR, 80), NOW + 30);
    assert_int_equal(ts_revocations_now(t, NOW + 40, 90), NOW + 40);

    /* an hour later it is the truth */

    assert_int_equal(ts_revocations_now(t, NOW + 9 * HOUR, 90 + HOUR),
                     NOW + 9 * HOUR);

    /* backwards it is believed: that only keeps things longer */

    assert_int_equal(ts_revocations_now(t, NOW, 91 + HOUR), NOW);

    free(t);
}


/*
 * Against a list that is searched from end to end: whatever was revoked is
 * found as long as it has not expired, and until the list is full nothing
 * else is.
 */

#define MODEL   3000

typedef struct {
    ts_revocation_t  entries[MODEL];
    uint32_t         n;
} model_t;


static ts_revoked_e
model_find(const model_t *m, const ts_revocation_subject_t *s, uint32_t now)
{
    uint32_t       i;
    ts_revoked_e   found;

    found = TS_REVOKED_NOTHING;

    for (i = 0; i < m->n; i++) {
        if (m->entries[i].expires <= now) {
            continue;
        }

        if (m->entries[i].key == s->session
            || m->entries[i].key == s->token
            || ((m->entries[i].key == s->user || m->entries[i].key == s->all)
                && s->issued <= m->entries[i].time))
        {
            found = ts_revocation_kind(m->entries[i].key);
            break;
        }
    }

    return found;
}


static void
random_revocations_agree_with_a_list(void **state)
{
    uint32_t                  i, n, round, seed, now;
    model_t                  *m;
    ts_revoked_e              kind, expected, found;
    ts_revocation_t           r;
    ts_revocations_t         *t;
    ts_revocation_subject_t   s;

    (void) state;

    m = malloc(sizeof(model_t));

    for (round = 0; round < 20; round++) {
        t = new_table(round % 2 ? SIZE : 8 * SIZE);
        m->n = 0;
        now = NOW;

        for (i = 0; i < MODEL; i++) {
            seed = (uint32_t) hash(round * 100000 + i);
            now += seed % 7 == 0;

            /* fewer sessions than room: the cut-off does not replace them */

            kind = (ts_revoked_e) ((seed >> 4) % 4);
            n = (seed >> 8) % (kind == TS_REVOKED_SESSION ? 50 : 200) + 1;
            r = entry(kind, n, now - (seed >> 16) % 5,
                      now + 1 + (seed >> 20) % 30);

            if (kind == TS_REVOKED_TOKEN) {
                r.time = NOW + n;
            }

            if (ts_revocation_kind(r.key) == TS_REVOKED_ALL && seed % 50) {
                continue;
            }

            (void) ts_revocations_add(t, &r, NULL, now);
            m->entries[m->n++] = r;

            /* a token is issued once */

            n = seed % 200 + 1;
            s = subject(n, (seed >> 3) % 50 + 1, (seed >> 9) % 200 + 1,
                        NOW + n);

            expected = model_find(m, &s, now);
            found = ts_revocations_find(t, &s);

            if (expected != TS_REVOKED_NOTHING) {
                assert_int_not_equal(found, TS_REVOKED_NOTHING);
            }

            /* what has expired may be found a while longer: its token is
               refused anyway. Nothing that was never revoked is found. */

            if (found != TS_REVOKED_NOTHING
                && ts_revocations_stats(t).cutoff == 0)
            {
                assert_int_not_equal(model_find(m, &s, 0),
                                     TS_REVOKED_NOTHING);
            }
        }

        free(t);
    }

    free(m);
}


static void
an_entry_is_got_as_it_is(void **state)
{
    ts_revocation_t    r, got;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);
    r = entry(TS_REVOKED_USER, 1, NOW - 5, NOW + HOUR);

    assert_false(ts_revocations_get(t, r.key, &got));
    assert_int_equal(add(t, r), 1);
    r.time = NOW;
    r.expires = NOW + 1;
    assert_int_equal(add(t, r), 1);
    assert_true(ts_revocations_get(t, r.key, &got));
    assert_int_equal(got.key, r.key);
    assert_int_equal(got.time, NOW);
    assert_int_equal(got.expires, NOW + HOUR);

    r.key = ts_revocation_key(TS_REVOKED_FREEZE, 0);
    assert_false(ts_revocations_get(t, r.key, &got));
    r = ts_revocations_freeze(t, 1, NOW);
    assert_true(ts_revocations_get(t, r.key, &got));
    assert_memory_equal(&got, &r, sizeof(r));

    r.key = ts_revocation_key(TS_REVOKED_CUTOFF, 0);
    assert_false(ts_revocations_get(t, r.key, &got));
    r.expires = NOW + HOUR;
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    assert_true(ts_revocations_get(t, r.key, &got));
    assert_memory_equal(&got, &r, sizeof(r));

    free(t);
}


/* Else a full load of what has led to the cut-off would lead to another. */

static void
what_the_cut_off_covers_takes_no_room(void **state)
{
    ts_revocation_t    r;
    ts_revocations_t  *t;

    (void) state;

    t = new_table(SIZE);

    r.key = ts_revocation_key(TS_REVOKED_CUTOFF, 0);
    r.time = NOW;
    r.expires = NOW + HOUR;
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);

    r = entry(TS_REVOKED_USER, 1, NOW, NOW + HOUR);
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    r = entry(TS_REVOKED_TOKEN, 1, NOW - 9, NOW + 9);
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    assert_int_equal(ts_revocations_stats(t).entries, 0);

    r = entry(TS_REVOKED_USER, 1, NOW + 1, NOW + HOUR);
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    r = entry(TS_REVOKED_USER, 2, NOW, NOW + HOUR + 1);
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    r = entry(TS_REVOKED_SESSION, 1, 0, NOW + 9);
    assert_int_equal(ts_revocations_restore(t, &r, NOW), 1);
    assert_int_equal(ts_revocations_stats(t).entries, 3);

    free(t);
}


static void
other_names_leave_a_cut_off(void **state)
{
    ts_revocations_t        *t;
    ts_revocations_stats_t   stats;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(ts_revocations_rename(t, NOW), 0);
    assert_int_equal(FIND(t, 1, 2, 3, NOW - 1), TS_REVOKED_NOTHING);

    /* what has expired needs none */

    (void) add(t, entry(TS_REVOKED_USER, 1, NOW - 5, NOW + 5));
    assert_int_equal(ts_revocations_rename(t, NOW + 6), 0);
    assert_int_equal(FIND(t, 1, 2, 1, NOW - 9), TS_REVOKED_NOTHING);

    (void) add(t, entry(TS_REVOKED_USER, 1, NOW - 5, NOW + HOUR));
    (void) add(t, entry(TS_REVOKED_SESSION, 1, 0, NOW + 5));
    assert_int_equal(ts_revocations_rename(t, NOW), 1);
    stats = ts_revocations_stats(t);
    assert_int_equal(stats.entries, 0);
    assert_int_equal(stats.cutoff, NOW);
    assert_int_equal(stats.cutoff_expires, NOW + HOUR);
    assert_int_equal(FIND(t, 8, 8, 8, NOW), TS_REVOKED_CUTOFF);
    assert_int_equal(FIND(t, 8, 8, 8, NOW + 1), TS_REVOKED_NOTHING);

    free(t);
}


static void
a_table_has_a_smallest_size(void **state)
{
    void  *memory;

    (void) state;

    memory = aligned_alloc(16, TS_REVOCATIONS_SIZE_MIN);
    memset(memory, 0, TS_REVOCATIONS_SIZE_MIN);

    assert_null(ts_revocations_init(memory, TS_REVOCATIONS_SIZE_MIN - 1));
    assert_non_null(ts_revocations_init(memory, TS_REVOCATIONS_SIZE_MIN));

    free(memory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_empty_list_revokes_nothing),
        cmocka_unit_test(each_kind_covers_its_own),
        cmocka_unit_test(a_user_is_revoked_up_to_the_moment_inclusive),
        cmocka_unit_test(a_later_revocation_widens_the_entry),
        cmocka_unit_test(an_exempt_token_survives_that_revocation_only),
        cmocka_unit_test(an_exemption_is_none_from_other_kinds),
        cmocka_unit_test(everything_of_an_issuer),
        cmocka_unit_test(what_has_expired_gives_its_room_back),
        cmocka_unit_test(above_half_a_users_tokens_take_one_entry),
        cmocka_unit_test(a_full_list_cuts_off_and_unrevokes_nobody),
        cmocka_unit_test(sessions_outlive_the_cut_off),
        cmocka_unit_test(what_is_of_the_future_stays_revoked),
        cmocka_unit_test(a_dead_writer_is_noticed),
        cmocka_unit_test(freezing_is_lifted_by_a_later_order_only),
        cmocka_unit_test(a_copy_by_listing_is_complete),
        cmocka_unit_test(a_clock_that_jumps_ahead_forgets_nothing),
        cmocka_unit_test(random_revocations_agree_with_a_list),
        cmocka_unit_test(an_entry_is_got_as_it_is),
        cmocka_unit_test(what_the_cut_off_covers_takes_no_room),
        cmocka_unit_test(other_names_leave_a_cut_off),
        cmocka_unit_test(a_table_has_a_smallest_size),
    };

    return cmocka_run_group_tests_name("revocations", tests, NULL, NULL);
}
