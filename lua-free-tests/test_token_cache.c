/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/ts_token_cache.h"


#define NOW  1000


static void
setup(ts_token_cache_t *cache, size_t size)
{
    void  *memory;

    memory = calloc(1, size);
    assert_non_null(memory);
    assert_true(ts_token_cache_init(cache, memory, size));
}


static ts_token_tag_t
tag_of(uint64_t a, uint64_t b)
{
    return (ts_token_tag_t) { { a, b } };
}


static ts_token_entry_t
entry_of(int64_t expires, const char *text)
{
    ts_token_entry_t  entry;

    memset(&entry, 0, sizeof(entry));
    entry.expires = expires;
    entry.not_before = expires - 100;
    entry.len = (uint32_t) strlen(text);
    memcpy(entry.values, text, entry.len);

    return entry;
}


static int
holds(const ts_token_cache_t *cache, ts_token_tag_t tag, const char *text)
{
    ts_token_entry_t  entry;

    return ts_token_cache_get(cache, tag, &entry)
           && entry.len == strlen(text)
           && memcmp(entry.values, text, entry.len) == 0;
}


static void
put(const ts_token_cache_t *cache, ts_token_tag_t tag, int64_t expires,
    const char *text)
{
    ts_token_entry_t  entry;

    entry = entry_of(expires, text);
    ts_token_cache_put(cache, tag, &entry, NOW);
}


static void
what_was_put_is_found(void **state)
{
    ts_token_entry_t  entry;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, 16 * 1024);

    assert_false(ts_token_cache_get(&cache, tag_of(1, 2), &entry));

    put(&cache, tag_of(1, 2), NOW + 10, "alice");
    assert_true(ts_token_cache_get(&cache, tag_of(1, 2), &entry));
    assert_int_equal(entry.expires, NOW + 10);
    assert_int_equal(entry.not_before, NOW - 90);
    assert_true(holds(&cache, tag_of(1, 2), "alice"));

    put(&cache, tag_of(1, 2), NOW + 20, "bob");
    assert_true(holds(&cache, tag_of(1, 2), "bob"));

    free(cache.slots);
}


static void
half_a_tag_is_not_enough(void **state)
{
    ts_token_entry_t  entry;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, 16 * 1024);
    put(&cache, tag_of(1, 2), NOW + 10, "alice");

    assert_false(ts_token_cache_get(&cache, tag_of(1, 3), &entry));
    assert_false(ts_token_cache_get(&cache, tag_of(2, 2), &entry));
    assert_false(ts_token_cache_get(&cache, tag_of(2, 1), &entry));

    free(cache.slots);
}


static void
empty_and_longest_values(void **state)
{
    ts_token_entry_t  entry, found;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS);

    put(&cache, tag_of(1, 1), NOW + 10, "");
    assert_true(holds(&cache, tag_of(1, 1), ""));

    memset(&entry, 'x', sizeof(entry));
    entry.len = TS_TOKEN_CACHE_VALUES;
    ts_token_cache_put(&cache, tag_of(2, 2), &entry, NOW);
    assert_true(ts_token_cache_get(&cache, tag_of(2, 2), &found));
    assert_int_equal(found.len, TS_TOKEN_CACHE_VALUES);
    assert_memory_equal(entry.values, found.values, TS_TOKEN_CACHE_VALUES);

    free(cache.slots);
}


static void
expired_leave_first_then_the_first_to_expire(void **state)
{
    size_t            i;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS);

    put(&cache, tag_of(1, 1), NOW + 40, "a");
    put(&cache, tag_of(2, 2), NOW + 30, "b");
    put(&cache, tag_of(3, 3), NOW - 1, "c");
    put(&cache, tag_of(4, 4), NOW + 20, "d");

    for (i = 4; i < TS_TOKEN_CACHE_WAYS; i++) {
        put(&cache, tag_of(100 + i, i), NOW + 60, "");
    }

    put(&cache, tag_of(5, 5), NOW + 50, "e");
    assert_false(holds(&cache, tag_of(3, 3), "c"));
    assert_true(holds(&cache, tag_of(4, 4), "d"));

    put(&cache, tag_of(6, 6), NOW + 50, "f");
    assert_false(holds(&cache, tag_of(4, 4), "d"));
    assert_true(holds(&cache, tag_of(1, 1), "a"));
    assert_true(holds(&cache, tag_of(5, 5), "e"));
    assert_true(holds(&cache, tag_of(6, 6), "f"));

    free(cache.slots);
}


/* Where the tag stands; NULL: nowhere. */

static ts_token_slot_t *
slot_of(const ts_token_cache_t *cache, ts_token_tag_t tag)
{
    size_t            i;
    ts_token_slot_t  *slot;

    for (i = 0; i < cache->sets * TS_TOKEN_CACHE_SET; i++) {
        slot = (ts_token_slot_t *) (void *)
                   ((uint8_t *) cache->slots + i * TS_TOKEN_CACHE_SLOT);

        if (slot->sequence != 0
            && memcmp(&slot->tag, &tag, sizeof(tag)) == 0)
        {
            return slot;
        }
    }

    return NULL;
}


/* A tag has two places: of three in five slots nearly all fit. */

static void
a_table_well_filled_loses_next_to_nothing(void **state)
{
    size_t            i, n, lost;
    uint64_t          seed;
    ts_token_tag_t    tags[2457];
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, 4096 * TS_TOKEN_CACHE_SLOT);
    n = sizeof(tags) / sizeof(tags[0]);
    seed = 1;

    for (i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        tags[i].word[0] = seed >> 16;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        tags[i].word[1] = seed >> 16;

        put(&cache, tags[i], NOW + 10, "a");
    }

    for (i = 0, lost = 0; i < n; i++) {
        lost += !holds(&cache, tags[i], "a");
    }

    assert_true(lost < n / 200);

    free(cache.slots);
}


static void
dead_writers_slot_is_never_used_again(void **state)
{
    size_t            i;
    ts_token_slot_t  *slot;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS);
    put(&cache, tag_of(1, 1), NOW + 10, "a");

    /* as if a worker had died while it wrote there */
    slot = slot_of(&cache, tag_of(1, 1));
    assert_non_null(slot);
    slot->sequence++;

    assert_false(holds(&cache, tag_of(1, 1), "a"));

    put(&cache, tag_of(1, 1), NOW + 10, "b");
    assert_true(holds(&cache, tag_of(1, 1), "b"));

    for (i = 2; i < 20; i++) {
        put(&cache, tag_of(i, i), NOW + 100 + (int64_t) i, "c");
        assert_true(holds(&cache, tag_of(i, i), "c"));
    }

    assert_int_equal(slot->sequence & 1, 1);

    free(cache.slots);
}


static void
all_writers_dead_stores_nothing(void **state)
{
    size_t            i;
    uint8_t          *p;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS);

    for (i = 0; i < TS_TOKEN_CACHE_WAYS; i++) {
        p = (uint8_t *) cache.slots + i * TS_TOKEN_CACHE_SLOT;
        ((ts_token_slot_t *) (void *) p)->sequence = 1;
    }

    put(&cache, tag_of(1, 1), NOW + 10, "a");
    assert_false(holds(&cache, tag_of(1, 1), "a"));

    free(cache.slots);
}


static void
empty_slot_is_not_the_zero_tag(void **state)
{
    ts_token_entry_t  entry;
    ts_token_cache_t  cache;

    (void) state;

    setup(&cache, TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS);
    assert_false(ts_token_cache_get(&cache, tag_of(0, 0), &entry));

    put(&cache, tag_of(0, 0), NOW + 10, "a");
    assert_true(holds(&cache, tag_of(0, 0), "a"));

    free(cache.slots);
}


static void
too_small_is_refused(void **state)
{
    uint64_t          memory[2];
    ts_token_cache_t  cache;

    (void) state;

    assert_false(ts_token_cache_init(&cache, memory,
                                     TS_TOKEN_CACHE_SLOT
                                     * TS_TOKEN_CACHE_WAYS - 1));
}


/*
 * Several processes write entries whose every byte says the tag, into very few
 * slots, while reading: a mixture of two writers would be seen.
 */

static int
hammer(const ts_token_cache_t *cache, unsigned seed)
{
    size_t            i, k;
    uint64_t          n;
    ts_token_entry_t  entry;

    for (i = 0; i < 200000; i++) {
        n = (seed = seed * 1103515245 + 12345) >> 16 & 15;

        if (i & 1) {
            memset(&entry, (int) n, sizeof(entry));
            entry.len = TS_TOKEN_CACHE_VALUES;
            ts_token_cache_put(cache, tag_of(n, n), &entry, NOW);
            continue;
        }

        if (!ts_token_cache_get(cache, tag_of(n, n), &entry)) {
            continue;
        }

        for (k = 0; k < entry.len; k++) {
            if (entry.values[k] != n) {
                return 1;
            }
        }
    }

    return 0;
}


static void
no_reader_sees_half_an_entry(void **state)
{
    int               i, status;
    void             *memory;
    size_t            size;
    pid_t             pids[4];
    ts_token_cache_t  cache;

    (void) state;

    size = 2 * TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_true(ts_token_cache_init(&cache, memory, size));

    for (i = 0; i < 4; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            _exit(hammer(&cache, (unsigned) i + 1));
        }
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }

    munmap(memory, size);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(half_a_tag_is_not_enough),
        cmocka_unit_test(empty_and_longest_values),
        cmocka_unit_test(expired_leave_first_then_the_first_to_expire),
        cmocka_unit_test(a_table_well_filled_loses_next_to_nothing),
        cmocka_unit_test(dead_writers_slot_is_never_used_again),
        cmocka_unit_test(all_writers_dead_stores_nothing),
        cmocka_unit_test(empty_slot_is_not_the_zero_tag),
        cmocka_unit_test(too_small_is_refused),
        cmocka_unit_test(no_reader_sees_half_an_entry),
    };

    return cmocka_run_group_tests_name("token_cache", tests, NULL, NULL);
}
