/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_header.h"
#include "core/ts_refusal.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_page.h"


static ngx_flag_t ngx_http_tradesec_is_navigation(ngx_http_request_t *r);


ngx_flag_t
ngx_http_tradesec_conf_is_page(const ngx_str_t *page)
{
    /* "//host" would be another origin */

    return page->len && page->data[0] == '/'
           && (page->len == 1
               || (page->data[1] != '/' && page->data[1] != '\\'))
           && ts_header_value_valid(ts_slice(page->data, page->len));
}


ngx_int_t
ngx_http_tradesec_page_redirect(ngx_http_request_t *r, const ngx_str_t *page,
    ngx_str_t *location)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   back;

    if (page->len == 0 || !ngx_http_tradesec_is_navigation(r)) {
        return NGX_OK;
    }

    len = 0;

    while (len < page->len && page->data[len] != '?') {
        len++;
    }

    if (r->uri.len == len && ngx_strncmp(r->uri.data, page->data, len) == 0) {
        /* its own location asks for a token: do not go round in circles */
        return NGX_OK;
    }

    if (page->data[page->len - 1] != '=') {
        *location = *page;
        return NGX_OK;
    }

    /* a path on this origin: "//host" and "/\host" would lead elsewhere */

    back = r->unparsed_uri;

    if (back.len == 0 || back.data[0] != '/'
        || (back.len > 1 && (back.data[1] == '/' || back.data[1] == '\\')))
    {
        ngx_str_set(&back, "/");
    }

    len = back.len + 2 * ngx_escape_uri(NULL, back.data, back.len,
                                        NGX_ESCAPE_URI_COMPONENT);

    location->data = ngx_pnalloc(r->pool, page->len + len);
    if (location->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(location->data, page->data, page->len);
    (void) ngx_escape_uri(p, back.data, back.len, NGX_ESCAPE_URI_COMPONENT);

    location->len = page->len + len;

    return NGX_OK;
}


/* Whether a person looks at a page with a browser. */

static ngx_flag_t
ngx_http_tradesec_is_navigation(ngx_http_request_t *r)
{
    ngx_str_t  mode, accept;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) || r->headers_in.upgrade) {
        return 0;
    }

    mode = ngx_http_tradesec_request_field(r, "sec-fetch-mode");

    if (mode.len) {
        return mode.len == sizeof("navigate") - 1
               && ngx_strncmp(mode.data, "navigate", mode.len) == 0;
    }

    accept = ngx_http_tradesec_request_field(r, "accept");

    return ts_refusal_wants_html(ts_slice(accept.data, accept.len));
}
