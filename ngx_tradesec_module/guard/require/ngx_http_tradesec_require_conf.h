/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A tradesec_require while its line is read; for the two files that read it.
 */

#ifndef NGX_HTTP_TRADESEC_REQUIRE_CONF_H
#define NGX_HTTP_TRADESEC_REQUIRE_CONF_H

#include "guard/require/ngx_http_tradesec_require.h"


typedef struct {
    ngx_http_tradesec_rule_t  *rule;
    ngx_flag_t                 or;          /* the last word was "or" */
    ngx_uint_t                 seen;        /* of the parameters */
    time_t                     max_age;     /* the shortest; 0: none */
    ngx_str_t                  acr;         /* joined by spaces */
} ngx_http_tradesec_require_line_t;


/* A new condition on the claim; NULL after saying why. */

ts_condition_t *ngx_http_tradesec_require_add(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *claim);

/* NGX_DECLINED when the word is no parameter; NGX_ERROR after saying why. */

ngx_int_t ngx_http_tradesec_require_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word);


#endif /* NGX_HTTP_TRADESEC_REQUIRE_CONF_H */
