/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whose is a message? Rules, compiled at configuration time, say where JSON
 * messages name their owner; the set says which owners are the receiver
 * himself; the verdict is about one complete text message.
 *
 * A message is a JSON value, or several with a line feed between them, or an
 * array of them (a batch): then the verdict is the worst one. It is read once,
 * without a copy and without recursion, in constant memory, and to the end:
 * what is not JSON in every respect (RFC 8259) belongs to nobody, because two
 * readers may see two owners in it. That includes a member name on the way to
 * an owner that stands twice in one object, in any spelling, and a byte order
 * mark. Duplicates elsewhere are not looked for.
 *
 * Where no name of any rule occurs in the bytes, and no backslash that could
 * hide one, the walk is spared: no rule applies, whatever the text is.
 *
 * An owner is a string, compared after decoding its escapes, or an integer in
 * its one canonical spelling (no fraction, no exponent, no "-0") that fits 64
 * bits. Any other value is a foreign owner, except null, which is none.
 */

#ifndef TS_OWNER_H
#define TS_OWNER_H

#include "core/ts_json.h"
#include "core/ts_pattern.h"


#define TS_OWNER_PATHS   16     /* different pointers of a location */
#define TS_OWNER_TERMS   32     /* owner=, when= and public= together */
#define TS_OWNER_DEPTH   64     /* containers in each other, in a message */
#define TS_OWNER_VALUES  512    /* of a set */

/* A string with escapes that is longer than this belongs to nobody. */

#define TS_OWNER_TEXT    1024


/* From good to bad: of several messages in one, the worst counts. */

typedef enum {
    TS_OWNER_OWN = 0,       /* it has owners, all of them ours */
    TS_OWNER_PUBLIC,        /* it has none, and is declared public */
    TS_OWNER_NONE,          /* no rule applies */
    TS_OWNER_MISSING,       /* a rule applies, and the owner is not there */
    TS_OWNER_FOREIGN,
    TS_OWNER_MALFORMED
} ts_owner_e;


typedef enum {
    TS_OWNER_RULE,          /* /user_id, /accounts/<star>/id,
                               /topic:account.(<star>) */
    TS_OWNER_WHEN,          /* /topic:account.<star>: the owner rules behind
                               it are for such messages, which must then have
                               an owner; of several in a row one is enough */
    TS_OWNER_SHOWN          /* /topic:ticks.<star>: without owner, public */
} ts_owner_kind_e;


/* What a name of a pointer is, where it is no number of an element. */

#define TS_OWNER_NAME     -1
#define TS_OWNER_ANY      -2


/* The JSON types that name an owner: 42 and "42" may be two users. */

#define TS_OWNER_STRINGS  1
#define TS_OWNER_NUMBERS  2


typedef struct {
    ts_json_pointer_t     pointer;
    int32_t               elements[TS_JSON_POINTER_DEPTH];
                                        /* the number that a name counts to,
                                           TS_OWNER_NAME or TS_OWNER_ANY */
    uint32_t              terms;        /* at its end, as bits */
    ts_slice_t            key;          /* its longest name; empty: none */
} ts_owner_path_t;


typedef struct {
    uint8_t               kind;         /* ts_owner_kind_e */
    uint8_t               path;
    uint8_t               captures;     /* an owner within a string */
    uint32_t              when;         /* terms of which one has to match; 0:
                                           none has to */
    ts_slice_t            pattern;
    ts_pattern_capture_t  capture;
} ts_owner_term_t;


/*
 * Zeroed to begin with. Sets of paths and of terms are bit masks. at[i]: the
 * paths that end behind i + 1 names, those whose name i is "*", and how long
 * the names i are.
 */

typedef struct {
    uint32_t              n_paths;
    uint32_t              n_terms;
    ts_owner_path_t       paths[TS_OWNER_PATHS];
    ts_owner_term_t       terms[TS_OWNER_TERMS];

    struct {
        uint32_t          end;
        uint32_t          any;
        uint64_t          lengths;
    } at[TS_JSON_POINTER_DEPTH];

    uint32_t              owners;       /* terms that are owner rules */
    uint32_t              shown;        /* and those that declare public */
    uint32_t              when;         /* what the next owner rule waits for */
    uint8_t               when_open;    /* the last term was a when= */
    uint8_t               whole_arrays; /* an array at the top is no batch */
    uint8_t               no_key;       /* a path without any name */
    uint8_t               types;        /* 0: strings and numbers */
    uint8_t               strict;       /* the walk is never spared */
    uint32_t              depth;        /* of containers; 0: the most */
} ts_owner_rules_t;


/* Among the lengths, as a bit; what is longer is all the same. */

static inline uint64_t
ts_owner_length_bit(ts_slice_t name)
{
    return UINT64_C(1) << (name.len < 63 ? name.len : 63);
}


/*
 * Adds "POINTER" or "POINTER:PATTERN", which must outlive the rules, as buf
 * must, of text.len bytes. A name "*" in the pointer stands for every element
 * of an array and every member of an object, once in a pointer. Returns NULL,
 * or the mistake in words ("... is no JSON pointer").
 */

const char *ts_owner_add(ts_owner_rules_t *rules, ts_owner_kind_e kind,
    ts_slice_t text, uint8_t *buf);


/*
 * Closes the conditions that were added last, as an owner rule would, and
 * returns their terms as bits; 0 when there are none.
 */

uint32_t ts_owner_conditions(ts_owner_rules_t *rules);


/* The receiver. To be sorted once, before it is used. */

typedef struct {
    ts_slice_t           *values;
    uint32_t              n;
    uint32_t              denied;       /* TS_OWNER_WHEN terms whose messages
                                           are foreign, whoever owns them */
} ts_owner_set_t;

void ts_owner_set_sort(ts_owner_set_t *set);
int ts_owner_set_has(const ts_owner_set_t *set, ts_slice_t value);


/* text is known to be UTF-8. */

ts_owner_e ts_owner_judge(const ts_owner_rules_t *rules,
    const ts_owner_set_t *set, ts_slice_t text);

/*
 * Its parts, for comparison: the walk that knows all of JSON, never better than
 * it; and a quick one for plain texts, of which it says the same, or that it
 * cannot tell.
 */

#define TS_OWNER_DOUBT  -1

int ts_owner_quick(const ts_owner_rules_t *rules, const ts_owner_set_t *set,
    ts_slice_t text);
ts_owner_e ts_owner_walk(const ts_owner_rules_t *rules,
    const ts_owner_set_t *set, ts_slice_t text);


#endif /* TS_OWNER_H */
