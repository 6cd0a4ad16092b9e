/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_LOGIN_H
#define NGX_HTTP_TRADESEC_LOGIN_H

#include "core/ts_types.h"
#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_login_guard;


/*
 * The account of an attempt that the guard has let pass, byte for byte as it
 * was sent. NGX_DECLINED when it names none, NGX_ERROR when memory is out.
 */

ngx_int_t ngx_http_tradesec_login_sent(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_str_t *account);


/*
 * The user's password was changed: cookies of tradesec_login_device that were
 * issued until now are void for the account of that name, however it is
 * spelled.
 */

void ngx_http_tradesec_login_forget_browsers(ngx_http_request_t *r,
    ts_slice_t user);


#endif /* NGX_HTTP_TRADESEC_LOGIN_H */
