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


#endif /* NGX_HTTP_TRADESEC_COMPAT_H */
