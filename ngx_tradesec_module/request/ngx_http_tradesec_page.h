/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Sending a person, instead of a refusal, to a page that helps: to log in, to
 * verify an address, to enter a second factor.
 */

#ifndef NGX_HTTP_TRADESEC_PAGE_H
#define NGX_HTTP_TRADESEC_PAGE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Whether a text of configuration is a path on the own origin. */

ngx_flag_t ngx_http_tradesec_conf_is_page(const ngx_str_t *page);

/*
 * Sets *location when the request is a browser's navigation, and leaves it
 * alone otherwise, on the page itself, or without a page. To a page that ends
 * with "=" the way back is added. NGX_ERROR when memory is out.
 */

ngx_int_t ngx_http_tradesec_page_redirect(ngx_http_request_t *r,
    const ngx_str_t *page, ngx_str_t *location);


#endif /* NGX_HTTP_TRADESEC_PAGE_H */
