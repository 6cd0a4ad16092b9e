/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What locations for operators share: how they are made, who is one, by his
 * address, and how the answer goes out.
 */

#ifndef NGX_HTTP_TRADESEC_OPERATORS_H
#define NGX_HTTP_TRADESEC_OPERATORS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Reads the arguments of the current directive, "allow=ADDRESS" ... */

char *ngx_http_tradesec_operators_conf(ngx_conf_t *cf, ngx_array_t **allow);

/*
 * Makes the current location one for operators: the arguments are read into
 * *allow, which is NULL before, and the handler is the location's.
 */

char *ngx_http_tradesec_operators_location(ngx_conf_t *cf,
    ngx_array_t **allow, ngx_http_handler_pt handler);

/* Whether the client is an operator; logs when not. */

ngx_flag_t ngx_http_tradesec_operators_admit(ngx_http_request_t *r,
    ngx_array_t *allow, const char *directive);

/*
 * The same for a location that only shows something: NGX_OK, or the status of
 * the refusal. A body is of no interest.
 */

ngx_int_t ngx_http_tradesec_operators_read(ngx_http_request_t *r,
    ngx_array_t *allow, const char *directive);

/* Sends the buffer, with 200. The type is a string constant. */

ngx_int_t ngx_http_tradesec_operators_answer(ngx_http_request_t *r,
    ngx_buf_t *b, const char *type);


#endif /* NGX_HTTP_TRADESEC_OPERATORS_H */
