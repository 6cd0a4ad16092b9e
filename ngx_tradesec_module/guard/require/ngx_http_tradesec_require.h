/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The require guard: what the caller's token has to say for this request. Its
 * parts are the guard (require.c), the directive (require_conf.c and
 * require_param.c), and the parts of a request that are compared with claims
 * (require_part.c).
 */

#ifndef NGX_HTTP_TRADESEC_REQUIRE_H
#define NGX_HTTP_TRADESEC_REQUIRE_H

#include "core/ts_part.h"
#include "core/ts_rule.h"
#include "guard/require/ngx_http_tradesec_public.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_method.h"


#define NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS  32    /* of one rule */
#define NGX_HTTP_TRADESEC_REQUIRE_PARTS       8     /* of one rule */


typedef enum {
    NGX_HTTP_TRADESEC_REQUIRE_VARIABLE,
    NGX_HTTP_TRADESEC_REQUIRE_HEADER,
    NGX_HTTP_TRADESEC_REQUIRE_FIELD     /* of the query or the body */
} ngx_http_tradesec_require_kind_e;


typedef struct {
    ngx_http_tradesec_require_kind_e   kind;
    ngx_http_complex_value_t           value;       /* VARIABLE */
    ngx_str_t                          header;      /* HEADER */
    ts_part_t                          field;       /* FIELD */
} ngx_http_tradesec_require_part_t;


typedef enum {
    NGX_HTTP_TRADESEC_REQUIRE_ANY,
    NGX_HTTP_TRADESEC_REQUIRE_UNSAFE,
    NGX_HTTP_TRADESEC_REQUIRE_LISTED
} ngx_http_tradesec_require_methods_e;


/* One tradesec_require. */

typedef struct ngx_http_tradesec_rule_s  ngx_http_tradesec_rule_t;

struct ngx_http_tradesec_rule_s {
    ngx_str_t                            name;

    ngx_http_tradesec_require_methods_e  which;
    ngx_http_tradesec_methods_t          methods;

    ts_condition_t                      *conditions;
    ngx_uint_t                           n;
    ngx_http_tradesec_require_part_t    *parts;
    ngx_uint_t                           n_parts;

    /* when it does not hold */
    ngx_http_tradesec_answer_t           answer;
    ngx_str_t                            redirect;

    /* when a new login would help */
    ngx_str_t                            challenge;
    ngx_str_t                            step_up;

    /* its line, and whether any location is on that has it: for nginx -t */
    ngx_str_t                            file;
    ngx_uint_t                           line;
    ngx_http_tradesec_place_t           *place;
    ngx_flag_t                           active;
    ngx_http_tradesec_rule_t            *next;
};


/* All rules of a location, the inherited ones first. */

typedef struct {
    ngx_uint_t                           n;
    ngx_http_tradesec_rule_t           **rules;
    ngx_flag_t                           bound;     /* one of them has parts */
} ngx_http_tradesec_require_policy_t;


typedef struct {
    ngx_array_t                         *own;       /* of pointers to rules */
    ngx_flag_t                           off;       /* none are inherited */
    const ngx_http_tradesec_require_policy_t
                                        *policy;    /* NULL: no rules */
    size_t                               body_size;
    ngx_uint_t                           public;    /* public_e */
    ngx_flag_t                           inner;     /* only nginx leads here */
} ngx_http_tradesec_require_conf_t;


typedef struct {
    ngx_flag_t                           verified;  /* some location verifies
                                                       tokens */
} ngx_http_tradesec_require_srv_conf_t;


/* What was read of a body while the rules of a request are checked. */

typedef struct {
    ngx_flag_t                           read;
    ngx_str_t                            body;
    ngx_str_t                            content_type;
} ngx_http_tradesec_require_body_t;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_require_guard;
extern ngx_module_t                     ngx_http_tradesec_require_module;


/* The directive tradesec_require. */

char *ngx_http_tradesec_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Prepares a part of a request from what stands on the right of a condition.
 * Returns NGX_CONF_ERROR after saying why.
 */

char *ngx_http_tradesec_require_conf_part(ngx_conf_t *cf,
    ngx_http_tradesec_require_part_t *part, ts_slice_t source);

/*
 * Reads it: sets *text, to an empty one when it is not there, which may lie in
 * buf (TS_PART_VALUE bytes). Any verdict but a pass is the guard's.
 */

ngx_http_tradesec_verdict_t ngx_http_tradesec_require_read(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_require_part_t *part,
    ngx_http_tradesec_require_body_t *body, u_char *buf, ts_slice_t *text);


#endif /* NGX_HTTP_TRADESEC_REQUIRE_H */
