/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Spellings of a login's path that lead past its location.
 */

#ifndef NGX_HTTP_TRADESEC_SPELLING_H
#define NGX_HTTP_TRADESEC_SPELLING_H

#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_spelling_guard;


/*
 * While a login location is merged: the other locations of its server refuse
 * spellings of its path, if it wants that; with every method when credentials
 * may be in any request. NGX_ERROR when memory is out.
 */

ngx_int_t ngx_http_tradesec_conf_guard_spellings(ngx_conf_t *cf,
    ngx_flag_t any_method);


#endif /* NGX_HTTP_TRADESEC_SPELLING_H */
