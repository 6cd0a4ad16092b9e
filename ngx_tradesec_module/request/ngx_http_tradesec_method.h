/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Lists of request methods (RFC 9110 section 9: names are case-sensitive).
 */

#ifndef NGX_HTTP_TRADESEC_METHOD_H
#define NGX_HTTP_TRADESEC_METHOD_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t        known;    /* NGX_HTTP_GET and so on, or'ed */
    const ngx_str_t  *names;    /* all of them */
    ngx_uint_t        n;
} ngx_http_tradesec_methods_t;


/* Whether the list has the request's method by name. */

ngx_flag_t ngx_http_tradesec_method_named(ngx_http_request_t *r,
    const ngx_http_tradesec_methods_t *list);

/* Whether the request's method is in the list. */

static ngx_inline ngx_flag_t
ngx_http_tradesec_method_in(ngx_http_request_t *r,
    const ngx_http_tradesec_methods_t *list)
{
    if (r->method != NGX_HTTP_UNKNOWN) {
        return (r->method & list->known) != 0;
    }

    return ngx_http_tradesec_method_named(r, list);
}

/*
 * Reads n names into the list: methods in upper case, each once. The names are
 * copied, their text is not. Returns NGX_CONF_ERROR after saying why.
 */

char *ngx_http_tradesec_conf_method_list(ngx_conf_t *cf,
    ngx_http_tradesec_methods_t *list, const ngx_str_t *names, ngx_uint_t n);

/*
 * The same with the current directive's parameters. A lone "none" is the empty
 * list where the caller allows it.
 */

char *ngx_http_tradesec_conf_methods(ngx_conf_t *cf,
    ngx_http_tradesec_methods_t *list, ngx_flag_t none);


#endif /* NGX_HTTP_TRADESEC_METHOD_H */
