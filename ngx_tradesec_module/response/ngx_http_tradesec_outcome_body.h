/*
 * Copyright (C) the ngx_tradesec authors
 *
 * An answer whose body decides its outcome: its headers are held back until
 * the body was looked at, so that no client knows the outcome before it is
 * counted. For ngx_http_tradesec_outcome*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_OUTCOME_BODY_H
#define NGX_HTTP_TRADESEC_OUTCOME_BODY_H

#include "response/ngx_http_tradesec_outcome.h"


struct ngx_http_tradesec_held_s {
    u_char      *body;
    size_t       size;
    size_t       len;
    ngx_flag_t   released;
    ngx_flag_t   complete;      /* its end has come */

    /* what was found in it, for ts_outcome_t */
    uint32_t     shown;
    uint32_t     seen;
};


/*
 * In a header filter: NGX_OK when the answer is held, NGX_DECLINED when its
 * body cannot be looked at.
 */

ngx_int_t ngx_http_tradesec_hold_answer(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e);

/*
 * Takes from the request what would have the backend answer with less than
 * the whole body in clear: its compression, ranges and conditions.
 */

void ngx_http_tradesec_ask_for_whole(ngx_http_request_t *r);

/* Installs the body filter; next is where headers go on. */

void ngx_http_tradesec_outcome_body_init(
    ngx_http_output_header_filter_pt next);


#endif /* NGX_HTTP_TRADESEC_OUTCOME_BODY_H */
