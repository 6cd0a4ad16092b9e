/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What locations for operators share: who is one, by his address, and how the
 * answer goes out.
 */

#ifndef NGX_HTTP_TRADESEC_OPERATORS_H
#define NGX_HTTP_TRADESEC_OPERATORS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Reads the arguments of the current directive, "allow=ADDRESS" ... */

char *ngx_http_tradesec_operators_conf(ngx_conf_t *cf, ngx_array_t **allow);

/* Whether the client is an operator; logs when not. */

ngx_flag_t ngx_http_tradesec_operators_admit(ngx_http_request_t *r,
    ngx_array_t *allow, const char *directive);

/* Sends the buffer, with 200. The type is a string constant. */

ngx_int_t ngx_http_tradesec_operators_answer(ngx_http_request_t *r,
    ngx_buf_t *b, const char *type);


#endif /* NGX_HTTP_TRADESEC_OPERATORS_H */
