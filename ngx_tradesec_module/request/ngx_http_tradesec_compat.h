/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What changed in nginx between 1.22 and 1.30, in one place.
 */

#ifndef NGX_HTTP_TRADESEC_COMPAT_H
#define NGX_HTTP_TRADESEC_COMPAT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Since 1.23.0 header lines of the same name are linked by "next"; a pushed
 * line that leaves it unset sends the serialisers to a random address.
 */

#if (nginx_version >= 1023000)
#define ngx_http_tradesec_header_unlink(h)  (h)->next = NULL
#else
#define ngx_http_tradesec_header_unlink(h)
#endif

/* Whether the request has any Cookie line. */

#if (nginx_version >= 1023000)
#define ngx_http_tradesec_has_cookie(r)  ((r)->headers_in.cookie != NULL)
#else
#define ngx_http_tradesec_has_cookie(r)  ((r)->headers_in.cookies.nelts != 0)
#endif

/* Whether the response has a Cache-Control line, whoever set it. */

#if (nginx_version >= 1023000)
#define ngx_http_tradesec_has_cache_control(r)                               \
    ((r)->headers_out.cache_control != NULL)
#else
#define ngx_http_tradesec_has_cache_control(r)                               \
    ((r)->headers_out.cache_control.elts != NULL)
#endif

/*
 * Calls the body of the loop for every Cookie line:
 *
 *     ngx_uint_t        i;
 *     ngx_table_elt_t  *h;
 *
 *     ngx_http_tradesec_each_cookie_line(r, i, h) {
 *         ...
 *     }
 */

#if (nginx_version >= 1023000)
#define ngx_http_tradesec_each_cookie_line(r, i, h)                          \
    for (i = 0, (void) i, h = (r)->headers_in.cookie; h != NULL; h = h->next)
#else
#define ngx_http_tradesec_each_cookie_line(r, i, h)                          \
    for (i = 0;                                                              \
         i < (r)->headers_in.cookies.nelts                                   \
         && (h = ((ngx_table_elt_t **) (r)->headers_in.cookies.elts)[i]);    \
         i++)
#endif


#endif /* NGX_HTTP_TRADESEC_COMPAT_H */
