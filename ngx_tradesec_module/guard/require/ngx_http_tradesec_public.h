/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_PUBLIC_H
#define NGX_HTTP_TRADESEC_PUBLIC_H

#include "request/ngx_http_tradesec_guard.h"


typedef enum {
    NGX_HTTP_TRADESEC_PUBLIC_AUTO,      /* safe, where the server has tokens */
    NGX_HTTP_TRADESEC_PUBLIC_SAFE,
    NGX_HTTP_TRADESEC_PUBLIC_ON,
    NGX_HTTP_TRADESEC_PUBLIC_OFF,
    NGX_HTTP_TRADESEC_PUBLIC_N
} ngx_http_tradesec_public_e;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_public_guard;

/* What a policy of it lets pass: "nothing", "safe" or "all". */

const char *ngx_http_tradesec_public_allows(ngx_conf_t *cf,
    const void *policy);

/* The words of its directive, which is in the nginx module of rules. */

extern ngx_conf_enum_t  ngx_http_tradesec_public_words[];


#endif /* NGX_HTTP_TRADESEC_PUBLIC_H */
