/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a backend's answer to an attempt to log in means, by criteria of the
 * operator. Only an answer that meets all of the success criteria is one;
 * what nobody listed is a failure, and so is no answer.
 */

#ifndef TS_OUTCOME_H
#define TS_OUTCOME_H

#include "core/ts_json.h"


#define TS_OUTCOME_FIELDS    8
#define TS_OUTCOME_NAME      64     /* longest name of a field */

#define TS_OUTCOME_STATUS    100    /* the first of those 500 that exist */

#define TS_OUTCOME_BODIES       8
#define TS_OUTCOME_JSON_TOKENS  1024    /* names and values of a body */
#define TS_OUTCOME_JSON_DEPTH   16


typedef enum {
    TS_OUTCOME_FAILURE = 0,
    TS_OUTCOME_NEUTRAL,         /* says nothing of the password */
    TS_OUTCOME_SUCCESS,
    TS_OUTCOME_NONE             /* the backend was not asked */
} ts_outcome_e;


/* What a status is listed as, a bit for each; 0 of any: as nothing. */

typedef struct {
    uint8_t  any;
    uint8_t  means[512];
} ts_outcome_statuses_t;


typedef struct {
    ts_slice_t  name;           /* a field's in lower case; a cookie's exact */
    ts_slice_t  value;          /* data NULL: any; of a field, exact */
    uint32_t    cookie;         /* a cookie that Set-Cookie sets */
} ts_outcome_field_t;


/* What the body shows: a value of JSON, or something the caller looks for. */

typedef struct {
    ts_outcome_e       means;
    uint32_t           json;
    ts_json_pointer_t  pointer;
    ts_slice_t         value;   /* of a string, or as a number or a word is
                                   written; data NULL: any but null, false */
} ts_outcome_body_t;


typedef struct {
    ts_outcome_statuses_t  statuses;

    /*
     * success: one of the statuses, if any are listed, every field, and
     * everything in the body that means success
     */
    ts_outcome_field_t     fields[TS_OUTCOME_FIELDS];
    uint32_t               nfields;

    ts_outcome_body_t      bodies[TS_OUTCOME_BODIES];
    uint32_t               nbodies;
} ts_outcome_criteria_t;


/* A field line of the answer, its name in any case. */

typedef struct {
    ts_slice_t  name;
    ts_slice_t  value;
} ts_outcome_line_t;


/*
 * Lists "401", "5xx" or "200-299", separated by commas, as failure, neutral or
 * success. Returns 0 when the text is anything else or a status is outside
 * 100..599.
 */

int ts_outcome_statuses(ts_outcome_statuses_t *statuses, ts_outcome_e means,
    ts_slice_t text);

static inline uint32_t
ts_outcome_listed(const ts_outcome_statuses_t *statuses, uint32_t status)
{
    status -= TS_OUTCOME_STATUS;

    return status < 512 ? statuses->means[status] : 0;
}


static inline int
ts_outcome_has_status(const ts_outcome_statuses_t *statuses,
    ts_outcome_e means, uint32_t status)
{
    return ts_outcome_listed(statuses, status) >> means & 1;
}


/* Whether any answer is a success at all. */

int ts_outcome_has_success(const ts_outcome_criteria_t *criteria);


/*
 * The lines of an answer are shown one after the other, then the outcome is
 * asked for. A criterion of a field is met when any line of that name has the
 * value; a cookie, when the last Set-Cookie of its name gives it a value and
 * does not delete it.
 *
 * Where there are criteria of the body, an answer whose body was not seen to
 * its end is a failure.
 */

typedef struct {
    const ts_outcome_criteria_t  *criteria;
    uint32_t                      met;      /* a bit for each field */
    uint32_t                      shown;    /* and one for each of bodies */
    uint32_t                      seen;     /* all of the body was */
} ts_outcome_t;

void ts_outcome_line(ts_outcome_t *outcome, ts_outcome_line_t line);

/*
 * Looks for all values of JSON. Returns 0 when the body is neither empty nor
 * JSON, or JSON that readers disagree about: then it is not seen.
 */

int ts_outcome_json(ts_outcome_t *outcome, ts_slice_t body,
    ts_json_token_t tokens[TS_OUTCOME_JSON_TOKENS]);

ts_outcome_e ts_outcome(const ts_outcome_t *outcome, uint32_t status);

/* The same where the status is all that counts. */

static inline int
ts_outcome_is_by_status(const ts_outcome_criteria_t *criteria)
{
    return criteria->nfields == 0 && criteria->nbodies == 0;
}


static inline ts_outcome_e
ts_outcome_by_status(const ts_outcome_criteria_t *criteria, uint32_t status)
{
    uint32_t  listed;

    listed = ts_outcome_listed(&criteria->statuses, status);

    /* as failure, whatever else; as neutral; as success */

    return listed & 1 << TS_OUTCOME_FAILURE ? TS_OUTCOME_FAILURE
           : listed & 1 << TS_OUTCOME_NEUTRAL ? TS_OUTCOME_NEUTRAL
           : listed & 1 << TS_OUTCOME_SUCCESS ? TS_OUTCOME_SUCCESS
           : TS_OUTCOME_FAILURE;
}


/*
 * What the body says at the pointer: a string, or an integer as it is written.
 * *value lies within the body or within buf, which is of its size. Returns 0
 * when there is no such value, or the body is none that readers agree about.
 */

int ts_outcome_text(ts_slice_t body, const ts_json_pointer_t *pointer,
    ts_json_token_t tokens[TS_OUTCOME_JSON_TOKENS], uint8_t *buf,
    ts_slice_t *value);


#endif /* TS_OUTCOME_H */
