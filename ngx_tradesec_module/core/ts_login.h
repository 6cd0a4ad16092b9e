/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which account a request tries to log in to: read from where the operator
 * says that the backend reads it, and found there exactly once, or refused.
 */

#ifndef TS_LOGIN_H
#define TS_LOGIN_H

#include "core/ts_account.h"
#include "core/ts_field.h"
#include "core/ts_json.h"


#define TS_LOGIN_JSON_TOKENS  256   /* names and values of a JSON body */
#define TS_LOGIN_JSON_DEPTH   16


/* Sources of configuration; fields and pointer as their headers prepare them */

typedef struct {
    const ts_field_t         *form;         /* NULL: not a source */
    const ts_field_t         *multipart;
    const ts_json_pointer_t  *json;
    const ts_field_t         *json_names;   /* one for each name of json */
} ts_login_sources_t;

typedef struct {
    ts_slice_t        content_type;
    ts_slice_t        query;                /* without "?" */
    ts_slice_t        body;
    ts_json_token_t  *tokens;               /* TS_LOGIN_JSON_TOKENS of them */
} ts_login_request_t;


typedef enum {
    TS_LOGIN_OK = 0,
    TS_LOGIN_TYPE,          /* not a body type that the sources name */
    TS_LOGIN_MALFORMED,     /* the body cannot be read */
    TS_LOGIN_MISSING,       /* the field is not in it */
    TS_LOGIN_AMBIGUOUS,     /* it is there twice, or something a backend may
                               take for it, also in the query */
    TS_LOGIN_ACCOUNT        /* no account: see ts_account.h */
} ts_login_result_e;


/*
 * The account as it was sent, byte for byte; *value lies within buf, which is
 * of that size, or within the body.
 */

ts_login_result_e ts_login_value(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *buf, size_t size,
    ts_slice_t *value);

/* Whether the query has the field of any source, or what may pass for it. */

int ts_login_in_query(const ts_login_sources_t *sources, ts_slice_t query);

/*
 * Writes the normal form to out, which holds TS_FOLD_OUT bytes; *account lies
 * within it.
 */

ts_login_result_e ts_login_account(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *out, ts_slice_t *account);


#endif /* TS_LOGIN_H */
