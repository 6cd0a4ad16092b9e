/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What was revoked before it expired: single tokens, sessions, all that a user
 * or an issuer had issued up to a moment. A table of fixed size, without
 * pointers, in memory that several processes share.
 *
 * Nothing is stored but keyed hashes and two times. An entry is forgotten when
 * every token that it could cover has expired by itself, and never before:
 * above half of its size the table takes the wider of two revocations (one
 * entry for a user, however many tokens), and when there is no room at all, a
 * cut-off revokes everything that was issued until now.
 *
 * Readers take no lock: an entry is one word that names it and one word with
 * its times, each read and written as a whole. Writers hold a lock of the
 * caller's. A writer that died is noticed by the next one.
 */

#ifndef TS_REVOCATIONS_H
#define TS_REVOCATIONS_H

#include "core/ts_types.h"


#define TS_REVOCATIONS_VERSION   1      /* of the layout in memory */
#define TS_REVOCATIONS_SLOT      16     /* bytes of an entry */
#define TS_REVOCATIONS_SIZE_MIN  1024


typedef enum {
    TS_REVOKED_TOKEN = 0,
    TS_REVOKED_SESSION,     /* whenever its tokens were issued */
    TS_REVOKED_USER,        /* what was issued at or before the time */
    TS_REVOKED_ALL,         /* the same for an issuer */
    TS_REVOKED_EXEMPT,      /* the reverse: a token that survives revocations
                               of its user and issuer up to the time */
    TS_REVOKED_CUTOFF,      /* what was issued at or before the time, by
                               anybody */
    TS_REVOKED_FREEZE,      /* no token at all, see ts_revocations_freeze() */
    TS_REVOKED_NOTHING
} ts_revoked_e;


/* Seconds of the wall clock; what is beyond ends at UINT32_MAX. */

typedef struct {
    uint64_t  key;          /* of ts_revocation_key() */
    uint32_t  time;         /* TOKEN: when it was issued, SESSION: 0 */
    uint32_t  expires;      /* of the last token that it covers */
} ts_revocation_t;


/* A token, as it is asked for; a key of 0 is none. */

typedef struct {
    uint64_t  token;
    uint64_t  session;
    uint64_t  user;
    uint64_t  all;          /* of its issuer */
    int64_t   issued;       /* INT64_MIN: nobody knows, before everything */
} ts_revocation_subject_t;


typedef struct ts_revocations_s  ts_revocations_t;


typedef struct {
    uint32_t  entries;      /* the expired ones that are still there too */
    uint32_t  room;         /* for entries */
    uint32_t  cutoff;       /* time of the cut-off; 0: none */
    uint32_t  cutoff_expires;
    uint32_t  frozen;       /* since when; 0: not */
} ts_revocations_stats_t;


/*
 * The name of an entry. The hash must be keyed and differ from kind to kind,
 * issuer to issuer. 60 bits of it count: enough to tell apart what was revoked
 * by accident; nobody can search for another name without the key.
 */

static inline uint64_t
ts_revocation_key(ts_revoked_e kind, uint64_t hash)
{
    return (hash & ~(uint64_t) 15) | 8 | (uint64_t) kind;
}


/* The same token, as an exemption. */

static inline uint64_t
ts_revocation_exempt(uint64_t token)
{
    return ts_revocation_key(TS_REVOKED_EXEMPT, token);
}


static inline ts_revoked_e
ts_revocation_kind(uint64_t key)
{
    return (key & 8) ? (ts_revoked_e) (key & 7) : TS_REVOKED_NOTHING;
}


/* Seconds as an entry has them. */

static inline uint32_t
ts_revocation_time(int64_t seconds)
{
    return seconds <= 0 ? 0 : seconds >= UINT32_MAX ? UINT32_MAX
                                                    : (uint32_t) seconds;
}


/* Makes a table of zeroed memory, aligned to 16 bytes. */

ts_revocations_t *ts_revocations_init(void *memory, size_t size);

/*
 * Which kind of revocation covers the token; TS_REVOKED_NOTHING: none does.
 * Needs no lock.
 */

ts_revoked_e ts_revocations_find(const ts_revocations_t *t,
    const ts_revocation_subject_t *subject);

/* Differs when something was revoked in between. Needs no lock. */

uint64_t ts_revocations_generation(const ts_revocations_t *t);

/* Whether state-changing requests are to be refused. Needs no lock. */

int ts_revocations_frozen(const ts_revocations_t *t);


/*
 * Revokes. An entry of the same key is widened: the later time, the later end.
 * wider, if it is not NULL, covers what r covers at this moment, and may be
 * taken instead. Returns 0 when neither had room and the cut-off was raised; it
 * replaces all of it but what a session is issued later.
 */

int ts_revocations_add(ts_revocations_t *t, const ts_revocation_t *r,
    const ts_revocation_t *wider, uint32_t now);

/*
 * The entry of that name as it is now, the cut-off and the freeze too; 0 when
 * there is none.
 */

int ts_revocations_get(const ts_revocations_t *t, uint64_t key,
    ts_revocation_t *r);

/* The latest order counts, freezing before lifting. Returns it as an entry. */

ts_revocation_t ts_revocations_freeze(ts_revocations_t *t, int on,
    uint32_t now);

/*
 * What is now for those that forget: the wall clock, but one that jumps ahead
 * of the monotonic one is believed after an hour only. Otherwise a clock that
 * was wrong for a moment would have un-revoked for good.
 */

uint32_t ts_revocations_now(ts_revocations_t *t, int64_t wall, int64_t steady);

/*
 * Writes up to n entries that have not expired, from *cursor on, which starts
 * at 0 and is 0 again behind the last. Returns their number.
 */

uint32_t ts_revocations_list(const ts_revocations_t *t, uint32_t *cursor,
    ts_revocation_t *entries, uint32_t n, uint32_t now);

/*
 * Takes an entry that another table has listed, unless the cut-off covers it.
 * Returns 0 when it is none, or when the cut-off had to be raised.
 */

int ts_revocations_restore(ts_revocations_t *t, const ts_revocation_t *r,
    uint32_t now);

/*
 * From now on names are hashes under another key: what stands in the list is
 * nobody's name any more. The cut-off is raised in its place; returns 0 when
 * there was nothing.
 */

int ts_revocations_rename(ts_revocations_t *t, uint32_t now);

ts_revocations_stats_t ts_revocations_stats(const ts_revocations_t *t);


#endif /* TS_REVOCATIONS_H */
