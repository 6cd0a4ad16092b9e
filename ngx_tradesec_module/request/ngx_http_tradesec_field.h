/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Reading request fields and adding response fields (RFC 9110 section 5).
 */

#ifndef NGX_HTTP_TRADESEC_FIELD_H
#define NGX_HTTP_TRADESEC_FIELD_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * The value of the first request field of that name (given in lower case), an
 * empty string when there is none. Walks the list: not for the hot path.
 */

ngx_str_t ngx_http_tradesec_request_field(ngx_http_request_t *r,
    const char *lowcase_name);

/*
 * Calls the body of the loop for every request field line:
 *
 *     ngx_list_part_t  *part;
 *     ngx_table_elt_t  *h;
 *
 *     ngx_http_tradesec_each_field(r, part, h) {
 *         ...
 *     }
 */

#define ngx_http_tradesec_each_field(r, part, h)                             \
    for (part = &(r)->headers_in.headers.part; part; part = part->next)      \
        for (h = part->elts;                                                 \
             h < (ngx_table_elt_t *) part->elts + part->nelts;               \
             h++)

/*
 * Keeps a request field line from the backend and from $http_ variables. Lines
 * cannot leave nginx's list, and the proxy module ignores an empty hash: the
 * line gets the name of one that never is passed on.
 */

void ngx_http_tradesec_hide_request_field(ngx_table_elt_t *h);

/* Hides every line of that name, given in lower case. */

void ngx_http_tradesec_hide_request_fields(ngx_http_request_t *r,
    const char *lowcase_name);

/*
 * Makes it an ordinary request: a server may ignore Upgrade (RFC 9110
 * section 7.8), and nginx then takes no 101 for its answer.
 */

void ngx_http_tradesec_ignore_upgrade(ngx_http_request_t *r);

/*
 * As ngx_http_tradesec_hide_request_field(), but the value stays for modules
 * that have found it already.
 */

void ngx_http_tradesec_withhold_request_field(ngx_table_elt_t *h);

/*
 * Adds a response field line, or gives the line of that name the value: a
 * request that is refused on its way through error pages is refused twice. The
 * name must be a string constant, the value must live as long as the request.
 * NULL when memory is out.
 */

ngx_table_elt_t *ngx_http_tradesec_set_response_field(ngx_http_request_t *r,
    const char *name, const ngx_str_t *value);

/* Sets the status and, for those nginx has no phrase for, the status line. */

void ngx_http_tradesec_set_status(ngx_http_request_t *r, ngx_uint_t status);


#endif /* NGX_HTTP_TRADESEC_FIELD_H */
