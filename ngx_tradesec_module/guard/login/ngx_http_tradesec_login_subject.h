/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which counters an operator means; for ngx_http_tradesec_login_*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_LOGIN_SUBJECT_H
#define NGX_HTTP_TRADESEC_LOGIN_SUBJECT_H

#include "guard/login/ngx_http_tradesec_login_conf.h"


/* What the arguments of the request name. */

typedef struct {
    ngx_flag_t           by_account;
    ngx_flag_t           by_address;
    ngx_flag_t           by_key;
    ngx_str_t            counter;
    ts_attempts_key_t    key;

    ts_attempts_key_t    account;
    ts_attempts_key_t    devices;       /* of the account */
    ts_attempts_key_t    addresses[NGX_HTTP_TRADESEC_LOGIN_NETWORKS];
    ngx_uint_t           naddresses;
    u_char               folded[TS_FOLD_OUT];
} ngx_http_tradesec_login_subject_t;


/*
 * Reads the arguments account=, address=, key= and counter=. NGX_DECLINED when
 * one of them says nothing that could be meant.
 */

ngx_int_t ngx_http_tradesec_login_subject(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf,
    ngx_http_tradesec_login_subject_t *subject);


#endif /* NGX_HTTP_TRADESEC_LOGIN_SUBJECT_H */
