/*
 * Copyright (C) the ngx_tradesec authors
 *
 * usage: million revocations|tokens N LOOKUPS
 *
 * Fills the list of revocations, or the cache of tokens, with N entries, and
 * looks for entries that are there and for others, at random: what an entry
 * takes of the zone, and what looking for one costs. bench/million runs it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/ts_revocations.h"
#include "core/ts_token_cache.h"


#define NOW      1700000000
#define EXPIRES  (NOW + 86400)

/* Of five slots of the cache three are taken. */

#define TOKENS(n)  ((n) / 3 * 5 * TS_TOKEN_CACHE_SLOT)


static uint64_t
hash(uint64_t n)
{
    n += 0x9e3779b97f4a7c15;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;

    return n ^ n >> 31;
}


static double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void *
area(size_t size)
{
    void  *memory;

    memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

    if (memory == NULL) {
        exit(1);
    }

    return memset(memory, 0, size);
}


/* What a request asks: token, session, user and issuer. */

static __attribute__((noinline)) int
find(const ts_revocations_t *t, uint64_t n)
{
    ts_revocation_subject_t  s;

    s.token = ts_revocation_key(TS_REVOKED_TOKEN, hash(n));
    s.session = ts_revocation_key(TS_REVOKED_SESSION, hash(n ^ 1ull << 40));
    s.user = ts_revocation_key(TS_REVOKED_USER, hash(n ^ 1ull << 41));
    s.all = ts_revocation_key(TS_REVOKED_ALL, hash(1));
    s.issued = NOW - 5;

    return ts_revocations_find(t, &s) != TS_REVOKED_NOTHING;
}


static void
report(const char *what, uint64_t lookups, double since, uint64_t found)
{
    printf("    %-10s %5.0f ns, %.1f %% found\n", what,
           (seconds() - since) * 1e9 / (double) lookups,
           100.0 * (double) found / (double) lookups);
}


static void
revocations(uint64_t n, uint64_t lookups)
{
    size_t             size;
    double             since;
    uint64_t           i, found;
    ts_revocation_t    r;
    ts_revocations_t  *t;

    size = 64 + (n + n / 2 + 8) * TS_REVOCATIONS_SLOT;
    t = ts_revocations_init(area(size), size);

    for (i = 0; i < n; i++) {
        r.key = ts_revocation_key(TS_REVOKED_TOKEN, hash(i));
        r.time = NOW;
        r.expires = EXPIRES;

        if (!ts_revocations_add(t, &r, NULL, NOW)) {
            printf("    no room for entry %llu\n", (unsigned long long) i);
            exit(1);
        }
    }

    /* of each kind one, so that each is looked for */

    r.key = ts_revocation_key(TS_REVOKED_SESSION, hash(n + 1));
    (void) ts_revocations_add(t, &r, NULL, NOW);
    r.key = ts_revocation_key(TS_REVOKED_USER, hash(n + 2));
    (void) ts_revocations_add(t, &r, NULL, NOW);
    r.key = ts_revocation_key(TS_REVOKED_ALL, hash(n + 3));
    (void) ts_revocations_add(t, &r, NULL, NOW);

    printf("%llu revocations: %.1f bytes each\n", (unsigned long long) n,
           (double) size / (double) n);

    since = seconds();

    for (i = 0, found = 0; i < lookups; i++) {
        found += (uint64_t) find(t, hash(i) % n);
    }

    report("revoked", lookups, since, found);
    since = seconds();

    for (i = 0, found = 0; i < lookups; i++) {
        found += (uint64_t) find(t, n + hash(i) % n);
    }

    report("good", lookups, since, found);
}


static ts_token_tag_t
tag(uint64_t n)
{
    return (ts_token_tag_t) { { hash(n), hash(~n) } };
}


static void
tokens(uint64_t n, uint64_t lookups)
{
    double            since;
    uint64_t          i, found;
    ts_token_cache_t  cache;
    ts_token_entry_t  entry;

    if (!ts_token_cache_init(&cache, area(TOKENS(n)), TOKENS(n))) {
        exit(1);
    }

    memset(&entry, 0, sizeof(entry));
    entry.expires = EXPIRES;

    for (i = 0; i < n; i++) {
        ts_token_cache_put(&cache, tag(i), &entry, NOW);
    }

    printf("%llu tokens: %.1f bytes each\n", (unsigned long long) n,
           (double) TOKENS(n) / (double) n);

    since = seconds();

    for (i = 0, found = 0; i < lookups; i++) {
        found += (uint64_t) ts_token_cache_get(&cache, tag(hash(i) % n),
                                               &entry);
    }

    report("known", lookups, since, found);
    since = seconds();

    for (i = 0, found = 0; i < lookups; i++) {
        found += (uint64_t) ts_token_cache_get(&cache, tag(n + hash(i) % n),
                                               &entry);
    }

    report("unknown", lookups, since, found);
}


int
main(int argc, char **argv)
{
    uint64_t  n, lookups;

    n = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    lookups = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

    if (n < 3 || lookups == 0) {
        fprintf(stderr, "usage: million revocations|tokens N LOOKUPS\n");
        return 2;
    }

    if (strcmp(argv[1], "tokens") == 0) {
        tokens(n, lookups);

    } else {
        revocations(n, lookups);
    }

    return 0;
}
