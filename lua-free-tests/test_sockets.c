/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_sockets_table.h"


#define SLOTS  8

/* Hashes do not differ in their last bit alone. */

#define HASH(n)  ((uint64_t) (n) << 8)


static uint32_t      dead;
static ts_sockets_t *sockets;


static int
alive(uint32_t worker)
{
    return worker != dead;
}


static int
setup(void **state)
{
    size_t  size;

    (void) state;

    size = sizeof(ts_sockets_t) + SLOTS * TS_SOCKETS_EACH;

    sockets = calloc(1, size);
    assert_non_null(sockets);
    assert_true(ts_sockets_init(sockets, size, 0));

    dead = 0;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    free(sockets);

    return 0;
}


static ts_sockets_e
open_socket(uint64_t user, uint64_t address, uint32_t worker, uint32_t *slot)
{
    ts_socket_t         socket = { HASH(user), HASH(address), worker, 1 };
    ts_socket_limits_t  limits = { 2, 3 };

    return ts_sockets_open(sockets, &socket, NULL, &limits, alive, slot);
}


static void
limits_hold_and_a_closed_socket_makes_room(void **state)
{
    uint32_t  a, b, c;

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &a), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &b), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 12, 7, &c), TS_SOCKETS_USER_LIMIT);
    assert_int_equal(open_socket(2, 10, 7, &c), TS_SOCKETS_OK);
    assert_int_equal(open_socket(3, 10, 7, &c), TS_SOCKETS_OK);
    assert_int_equal(open_socket(4, 10, 7, &c), TS_SOCKETS_ADDRESS_LIMIT);
    assert_int_equal(ts_sockets_count(sockets), 4);

    ts_sockets_close(sockets, a, 8);
    assert_int_equal(open_socket(1, 12, 7, &c), TS_SOCKETS_USER_LIMIT);

    ts_sockets_close(sockets, a, 7);
    ts_sockets_close(sockets, a, 7);
    ts_sockets_close(sockets, SLOTS + 1, 7);
    assert_int_equal(open_socket(1, 12, 9, &c), TS_SOCKETS_OK);
    assert_int_equal(c, a);

    ts_sockets_close(sockets, a, 7);
    assert_int_equal(ts_sockets_count(sockets), 4);
}


static void
what_a_dead_worker_held_is_free(void **state)
{
    uint32_t  slot;

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(2, 10, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &slot), TS_SOCKETS_USER_LIMIT);

    dead = 7;
    assert_int_equal(open_socket(1, 11, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(ts_sockets_count(sockets), 2);
}


static void
a_full_table_refuses_until_a_worker_dies(void **state)
{
    uint32_t  i, slot;

    (void) state;

    for (i = 0; i < SLOTS; i++) {
        assert_int_equal(open_socket(100 + i, 200 + i, 7 + i % 2, &slot),
                         TS_SOCKETS_OK);
        assert_int_equal(slot, i);
    }

    assert_int_equal(open_socket(1, 1, 8, &slot), TS_SOCKETS_FULL);

    dead = 7;
    assert_int_equal(open_socket(1, 1, 8, &slot), TS_SOCKETS_OK);
    assert_int_equal(ts_sockets_count(sockets), SLOTS / 2 + 1);
}


static void
no_limits(void **state)
{
    uint32_t            i, slot;
    ts_socket_t         socket = { 1, 1, 7, 1 };
    ts_socket_limits_t  limits = { 0, 0 };

    (void) state;

    for (i = 0; i < SLOTS; i++) {
        assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits,
                                         alive, &slot), TS_SOCKETS_OK);
    }
}


static void
what_is_only_listed_counts_for_nobody(void **state)
{
    uint32_t            slot;
    ts_socket_t         socket = { HASH(1), HASH(10), 7, 0 };
    ts_socket_limits_t  limits = { 0, 0 };

    (void) state;

    assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits, alive,
                                     &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_USER_LIMIT);
}


static void
a_user_becomes_known_later(void **state)
{
    uint32_t            a, b, c;
    ts_socket_limits_t  limits = { 2, 0 };

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &a), TS_SOCKETS_OK);
    assert_int_equal(open_socket(101, 11, 7, &b), TS_SOCKETS_OK);
    assert_int_equal(open_socket(102, 12, 8, &c), TS_SOCKETS_OK);

    assert_int_equal(ts_sockets_name(sockets, b, HASH(1), &limits, alive),
                     TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 13, 8, &a), TS_SOCKETS_USER_LIMIT);
    assert_int_equal(ts_sockets_name(sockets, c, HASH(1), &limits, alive),
                     TS_SOCKETS_USER_LIMIT);

    dead = 7;
    assert_int_equal(ts_sockets_name(sockets, c, HASH(1), &limits, alive),
                     TS_SOCKETS_OK);
    assert_int_equal(ts_sockets_count(sockets), 1);
}


static void
a_new_process_of_the_same_number_holds_nothing(void **state)
{
    uint32_t  slot;

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &slot), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &slot), TS_SOCKETS_OK);
    assert_null(ts_sockets_join(sockets, 7, alive));
    assert_int_equal(ts_sockets_count(sockets), 1);
    assert_null(ts_sockets_detail(sockets, 0));
    assert_null(ts_sockets_traffic(sockets));
}


/* Of a table on the heap, in which details and rows end where it ends. */

static void
sockets_are_listed(void **state)
{
    size_t                size;
    uint32_t              i, n, cursor, slot;
    ts_sockets_t         *listed;
    ts_traffic_t         *mine, *other, sum;
    ts_sockets_row_t      rows[3];
    ts_socket_limits_t    none = { 0, 0 };
    ts_socket_detail_t    detail;
    ts_sockets_filter_t   filter = { 0, 0 };

    (void) state;

    size = sizeof(ts_sockets_t) + 2 * sizeof(ts_traffic_t)
           + 5 * (TS_SOCKETS_EACH + sizeof(ts_socket_detail_t));

    listed = calloc(1, size);
    assert_non_null(listed);
    assert_false(ts_sockets_init(listed, sizeof(ts_sockets_t)
                                 + sizeof(ts_traffic_t), 1));
    assert_true(ts_sockets_init(listed, size, 1));
    assert_int_equal(listed->size, 5);

    for (i = 0; i < 5; i++) {
        ts_socket_t  socket = { HASH(1 + i % 2), HASH(i), 7 + i % 2, 1 };

        memset(&detail, 0, sizeof(detail));
        detail.since = 100 + i;
        detail.location_hash = 10 + i / 4;

        assert_int_equal(ts_sockets_open(listed, &socket, &detail, &none,
                                         alive, &slot), TS_SOCKETS_OK);
        ts_sockets_detail(listed, slot)->traffic[TS_TRAFFIC_SENT] = i;
    }

    cursor = 0;
    assert_int_equal(ts_sockets_list(listed, &filter, &cursor, 9, rows, 3), 3);
    assert_int_equal(cursor, 3);
    assert_int_equal(rows[2].detail.since, 102);
    assert_int_equal(rows[2].detail.traffic[TS_TRAFFIC_SENT], 2);
    assert_int_equal(rows[1].worker, 8);
    assert_int_equal(ts_sockets_list(listed, &filter, &cursor, 9, rows, 3), 2);
    assert_int_equal(cursor, 0);

    filter.user = HASH(1);

    for (n = 0, i = 0; i == 0 || cursor != 0; i++) {
        n += ts_sockets_list(listed, &filter, &cursor, 2, rows, 3);
    }

    assert_int_equal(n, 3);
    assert_int_equal(i, 3);

    filter.location = 11;
    assert_int_equal(ts_sockets_list(listed, &filter, &cursor, 9, rows, 3), 1);
    assert_int_equal(rows[0].detail.since, 104);

    filter.user = HASH(2);
    assert_int_equal(ts_sockets_list(listed, &filter, &cursor, 9, rows, 3), 0);

    dead = 7;
    assert_int_equal(ts_sockets_sweep(listed, alive), 3);
    assert_int_equal(ts_sockets_count(listed), 2);

    /* the last row is for all that are left over */

    mine = ts_sockets_join(listed, 8, alive);
    other = ts_sockets_join(listed, 9, alive);

    assert_int_equal(ts_sockets_count(listed), 0);
    assert_ptr_not_equal(mine, other);
    assert_ptr_equal(other, ts_sockets_join(listed, 10, alive));
    assert_int_equal(mine->shared, 0);
    assert_int_equal(other->shared, 1);

    ts_traffic_add(mine, &mine->count[TS_TRAFFIC_OPENED], 2);
    ts_traffic_add(other, &other->count[TS_TRAFFIC_OPENED], 3);
    ts_traffic_add(mine, &mine->dropped[TS_TRAFFIC_REASONS - 1], 4);
    ts_traffic_add(other, &other->closed[TS_TRAFFIC_REASONS - 1], 5);

    /* what a dead one has counted stays, in the row of who comes next */

    dead = 8;
    assert_ptr_equal(ts_sockets_join(listed, 11, alive), mine);

    ts_traffic_sum(ts_sockets_traffic(listed), listed->rows, &sum);
    assert_int_equal(sum.count[TS_TRAFFIC_OPENED], 5);
    assert_int_equal(sum.count[TS_TRAFFIC_SENT], 0);
    assert_int_equal(sum.dropped[TS_TRAFFIC_REASONS - 1], 4);
    assert_int_equal(sum.closed[TS_TRAFFIC_REASONS - 1], 5);

    free(listed);
}


/* Everything that the table knows, counted by hand. */

static void
assert_in_order(const ts_sockets_t *t, uint32_t open)
{
    uint32_t                 i, n, sum;
    const uint32_t          *buckets;
    const ts_socket_slot_t  *slots;

    slots = ts_sockets_slots(t);
    buckets = (const uint32_t *) (slots + t->size);

    assert_int_equal(t->busy, 0);
    assert_int_equal(t->open, open);

    for (i = 0, n = 0; i < t->used; i++) {
        n += (slots[i].worker != 0);
    }

    assert_int_equal(n, open);

    for (n = 0, i = t->free; i; i = slots[i - 1].user) {
        assert_int_equal(slots[i - 1].worker, 0);
        n++;
    }

    assert_int_equal(n, t->used - open);

    for (sum = 0, n = 0, i = 0; i < t->size; i++) {
        uint32_t  c;

        for (c = buckets[i]; c; c = t->counters[c - 1].next) {
            assert_true(t->counters[c - 1].sockets > 0);
            sum += t->counters[c - 1].sockets;
            n++;
        }
    }

    assert_int_equal(sum, 2 * open);

    for (i = t->counters_free; i; i = t->counters[i - 1].next) {
        assert_int_equal(t->counters[i - 1].sockets, 0);
        n++;
    }

    assert_int_equal(n, t->counters_used);
}


/* Against a list that is walked, for a long while. */

static void
it_counts_as_a_walk_would(void **state)
{
#define MANY  61

    size_t       size;
    uint32_t     i, j, k, n, users, addresses, slot, at[MANY];
    ts_socket_t  socket, open[MANY];

    ts_socket_limits_t  limits = { 5, 9 };

    (void) state;

    size = sizeof(ts_sockets_t) + MANY * TS_SOCKETS_EACH;
    free(sockets);
    sockets = calloc(1, size);
    assert_non_null(sockets);
    assert_true(ts_sockets_init(sockets, size, 0));

    srand(1);

    for (n = 0, i = 0; i < 100000; i++) {

        if (n && rand() % 2) {
            j = (uint32_t) rand() % n;
            ts_sockets_close(sockets, at[j], open[j].worker);
            n--;
            at[j] = at[n];
            open[j] = open[n];
            continue;
        }

        socket.user = HASH(rand() % 20);
        socket.address = HASH(100 + rand() % 10);
        socket.worker = 1 + (uint32_t) rand() % 3;
        socket.counted = 1;

        for (users = 0, addresses = 0, j = 0; j < n; j++) {
            users += (open[j].user == socket.user);
            addresses += (open[j].address == socket.address);
        }

        assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits,
                                         alive, &slot),
                         users >= 5 ? TS_SOCKETS_USER_LIMIT
                         : addresses >= 9 ? TS_SOCKETS_ADDRESS_LIMIT
                         : n == MANY ? TS_SOCKETS_FULL : TS_SOCKETS_OK);

        if (users < 5 && addresses < 9 && n < MANY) {
            open[n] = socket;
            at[n++] = slot;
        }

        if (i % 5000 == 0) {
            dead = 1 + (uint32_t) rand() % 3;
            (void) ts_sockets_sweep(sockets, alive);

            for (j = 0, k = 0; j < n; j++) {
                if (open[j].worker != dead) {
                    open[k] = open[j];
                    at[k++] = at[j];
                }
            }

            n = k;
            dead = 0;
            assert_in_order(sockets, n);
        }
    }

    assert_in_order(sockets, n);
}


/*
 * Killed at any moment: whatever was half done, the slots that have a worker
 * count, and nothing else does.
 */

static void
a_worker_that_died_at_work_is_no_harm(void **state)
{
    uint32_t             i, a, b, c;
    ts_socket_slot_t    *slots;
    ts_socket_limits_t   limits = { 2, 3 };

    (void) state;

    assert_int_equal(open_socket(1, 10, 7, &a), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 11, 8, &b), TS_SOCKETS_OK);
    assert_int_equal(open_socket(2, 12, 8, &c), TS_SOCKETS_OK);

    slots = ts_sockets_slots(sockets);

    /* it took a slot and a counter, and nobody knows of it */

    sockets->busy = 1;
    sockets->used++;
    sockets->counters[sockets->counters_used++].sockets = 5;
    sockets->open = 77;
    sockets->free = 2;

    assert_int_equal(open_socket(1, 13, 8, &i), TS_SOCKETS_USER_LIMIT);
    assert_in_order(sockets, 3);

    /* it gave one back, and came no further */

    sockets->busy = 1;
    slots[a].worker = 0;

    assert_int_equal(open_socket(1, 13, 8, &i), TS_SOCKETS_OK);
    assert_int_equal(open_socket(1, 13, 8, &i), TS_SOCKETS_USER_LIMIT);
    assert_in_order(sockets, 3);

    /* links that lead nowhere */

    sockets->busy = 1;
    memset(slots + SLOTS, 0xff, SLOTS * sizeof(uint32_t));
    sockets->counters_free = 99;

    ts_sockets_close(sockets, c, 8);
    assert_in_order(sockets, 2);
    assert_int_equal(ts_sockets_name(sockets, b, HASH(3), &limits, alive),
                     TS_SOCKETS_OK);
    assert_in_order(sockets, 2);
}


static uint32_t  asked;

static int
alive_counting(uint32_t worker)
{
    asked++;

    return worker != dead;
}


/* Of a refused one is asked who lives, once each; more than fit are found. */

static void
who_is_at_the_limit_costs_no_walk(void **state)
{
    size_t              size;
    uint32_t            i, slot;
    ts_socket_t         socket = { 4, 6, 0, 1 };
    ts_socket_limits_t  limits = { 200, 0 };

    (void) state;

    size = sizeof(ts_sockets_t) + 300 * TS_SOCKETS_EACH;
    free(sockets);
    sockets = calloc(1, size);
    assert_non_null(sockets);
    assert_true(ts_sockets_init(sockets, size, 0));

    for (i = 0; i < 200; i++) {
        socket.worker = 1 + i % 3;
        assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits,
                                         alive_counting, &slot),
                         TS_SOCKETS_OK);
    }

    assert_int_equal(asked, 0);
    assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits,
                                     alive_counting, &slot),
                     TS_SOCKETS_USER_LIMIT);
    assert_int_equal(asked, 3);

    dead = 2;
    assert_int_equal(ts_sockets_sweep(sockets, alive_counting), 67);
    assert_int_equal(sockets->workers_n, 2);

    /* more workers than there is room for */

    limits.user = 0;

    for (i = 0; i < 100; i++) {
        socket.worker = 100 + i;
        assert_int_equal(ts_sockets_open(sockets, &socket, NULL, &limits,
                                         alive_counting, &slot),
                         TS_SOCKETS_OK);
    }

    assert_int_equal(sockets->workers_n, TS_SOCKETS_WORKERS);

    dead = 199;
    assert_int_equal(ts_sockets_sweep(sockets, alive_counting), 1);

    dead = 101;
    assert_int_equal(ts_sockets_sweep(sockets, alive_counting), 1);
    assert_in_order(sockets, 133 + 98);
}


static void
memory_too_small(void **state)
{
    (void) state;

    assert_false(ts_sockets_init(sockets, sizeof(ts_sockets_t), 0));
}


int
main(void)
{
#define test(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        test(limits_hold_and_a_closed_socket_makes_room),
        test(what_a_dead_worker_held_is_free),
        test(a_full_table_refuses_until_a_worker_dies),
        test(no_limits),
        test(what_is_only_listed_counts_for_nobody),
        test(a_user_becomes_known_later),
        test(a_new_process_of_the_same_number_holds_nothing),
        test(sockets_are_listed),
        test(it_counts_as_a_walk_would),
        test(a_worker_that_died_at_work_is_no_harm),
        test(who_is_at_the_limit_costs_no_walk),
        test(memory_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
