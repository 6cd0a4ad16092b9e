/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a location promises of the cookies that its responses set.
 */

#ifndef NGX_HTTP_TRADESEC_COOKIES_H
#define NGX_HTTP_TRADESEC_COOKIES_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_set_cookie.h"


/* The cookies of one location that have rules of their own. */

#define NGX_HTTP_TRADESEC_COOKIES_MAX  32


/* What one tradesec_cookie says; each may be left open. */

typedef struct {
    ngx_str_t                    name;          /* "*": all that have none */
    ngx_uint_t                   secure;
    ngx_uint_t                   http_only;
    ngx_uint_t                   same_site;     /* ts_same_site_e */
    time_t                       max_age;
} ngx_http_tradesec_cookie_rule_t;


#define NGX_HTTP_TRADESEC_SECURE_OFF   0
#define NGX_HTTP_TRADESEC_SECURE_ON    1
#define NGX_HTTP_TRADESEC_SECURE_AUTO  2        /* where the client's scheme
                                                   is https */


/* Finished: one over http, one over https. */

typedef struct {
    ngx_str_t                    name;
    ts_set_cookie_policy_t       policies[2];
} ngx_http_tradesec_cookie_t;


typedef struct {
    ngx_uint_t                   n;             /* 0 is the one of all others */
    ngx_http_tradesec_cookie_t   cookies[1 + NGX_HTTP_TRADESEC_COOKIES_MAX];
} ngx_http_tradesec_cookie_policy_t;


/*
 * Builds a location's policy from its rules (rule_t, later ones win). NULL
 * after saying why.
 */

const ngx_http_tradesec_cookie_policy_t *ngx_http_tradesec_cookie_policy_build(
    ngx_conf_t *cf, const ngx_array_t *rules);

/* Reads a tradesec_cookie. */

char *ngx_http_tradesec_cookie_rule(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule);


#endif /* NGX_HTTP_TRADESEC_COOKIES_H */
