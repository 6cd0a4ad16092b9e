/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Rules on the claims of a verified token: conditions that all have to hold,
 * or alternatives of these.
 *
 * What cannot be told is no: a claim that is missing, null, of another type,
 * or beyond what can be compared satisfies no condition, also none that is
 * written with "!=". Only "claim!=*" asks for a claim that is not there.
 */

#ifndef TS_RULE_H
#define TS_RULE_H

#include "core/ts_claims.h"


#define TS_RULE_VALUES  32      /* of one condition, between "|" */

/* Clocks of issuers run ahead: an auth_time up to that far ahead is fine. */

#define TS_RULE_SKEW    60


typedef enum {
    TS_RULE_EQUAL,              /* one of the values; of an array any element */
    TS_RULE_UNEQUAL,            /* none of them; of an array no element */
    TS_RULE_LESS,
    TS_RULE_AT_MOST,
    TS_RULE_MORE,
    TS_RULE_AT_LEAST,
    TS_RULE_PRESENT,
    TS_RULE_ABSENT,
    TS_RULE_MAX_AGE             /* a time not longer ago than number */
} ts_rule_op_e;


typedef struct {
    ts_claim_type_e           type;     /* STRING, INTEGER, TRUE, FALSE */
    int64_t                   number;
    ts_slice_t                text;
} ts_rule_value_t;


typedef struct {
    ts_rule_op_e              op;
    uint8_t                   claim;    /* its id in ts_claims.h */
    uint8_t                   alternative;  /* begins another one */
    uint8_t                   step_up;  /* a new login can satisfy it */
    uint8_t                   relative; /* number counts from now */
    uint8_t                   from_part;
    uint32_t                  part;     /* of the request, instead of values */
    int64_t                   number;
    uint32_t                  n;
    const ts_rule_value_t    *values;
} ts_condition_t;


/*
 * Reads "claim=value|value", "claim>=2", "claim>now-30d", "claim=*" and so on.
 * The claim's name and, where the right side names a part of the request ("$",
 * "query:", "form:", "json:", "header:"), that text are parts of text; source
 * is empty otherwise. values holds TS_RULE_VALUES.
 */

typedef enum {
    TS_CONDITION_OK = 0,
    TS_CONDITION_OPERATOR,      /* none, or nothing in front of it */
    TS_CONDITION_VALUE,         /* nothing behind it, or between "|" */
    TS_CONDITION_QUOTES,        /* do not enclose a whole value */
    TS_CONDITION_NUMBER,        /* looks like one, and is no integer */
    TS_CONDITION_NULL,
    TS_CONDITION_COMPARE,       /* "<" and ">" with something else than a
                                   number or a time */
    TS_CONDITION_SET,           /* "*" or a part of the request in a set */
    TS_CONDITION_MANY           /* more than TS_RULE_VALUES */
} ts_condition_e;

ts_condition_e ts_condition_read(ts_condition_t *condition, ts_slice_t text,
    ts_slice_t *claim, ts_slice_t *source, ts_rule_value_t *values);

/* For messages to operators. */

const char *ts_condition_text(ts_condition_e result);


/* What a request says at one place. */

typedef struct {
    unsigned                  known:1;
    ts_slice_t                text;     /* empty: it is not there */
} ts_rule_part_t;

typedef struct {
    ts_slice_t                claims;   /* packed; data NULL: nobody */
    int64_t                   now;
    const ts_rule_part_t     *parts;
} ts_rule_facts_t;


typedef enum {
    TS_RULE_HOLDS,
    TS_RULE_FAILS,
    TS_RULE_STEP_UP,            /* would hold after a new login */
    TS_RULE_NEEDS_PART          /* *part has to be known first */
} ts_rule_e;

ts_rule_e ts_rule(const ts_condition_t *conditions, uint32_t n,
    const ts_rule_facts_t *facts, uint32_t *part);


#endif /* TS_RULE_H */
