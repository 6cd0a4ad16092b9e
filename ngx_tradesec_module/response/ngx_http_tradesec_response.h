/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The nginx module of this floor: what its rooms have configured. For
 * response/ only.
 */

#ifndef NGX_HTTP_TRADESEC_RESPONSE_H
#define NGX_HTTP_TRADESEC_RESPONSE_H

#include "response/ngx_http_tradesec_cookies.h"
#include "response/ngx_http_tradesec_header_policy.h"


/* What some location has use for. */

typedef struct {
    unsigned                                  headers:1;
    unsigned                                  cookies:1;
    unsigned                                  cache_control:1;
    unsigned                                  outcomes:1;
    unsigned                                  bodies:1;     /* of outcomes */
} ngx_http_tradesec_response_main_conf_t;


typedef struct {
    ngx_uint_t                                preset;
    ngx_array_t                              *adjusted; /* of header_t */
    ngx_array_t                              *removed;  /* of ngx_str_t */
    const ngx_http_tradesec_header_policy_t  *policy;   /* NULL: none */
} ngx_http_tradesec_headers_conf_t;


typedef struct {
    ngx_flag_t                                enable;
    ngx_array_t                              *rules;    /* of rule_t */
    const ngx_http_tradesec_cookie_policy_t  *policy;   /* NULL: off */
} ngx_http_tradesec_cookies_conf_t;


typedef struct {
    ngx_http_tradesec_headers_conf_t          headers;
    ngx_http_tradesec_cookies_conf_t          cookies;
    ngx_str_t                                 cache_control;  /* empty: off */
} ngx_http_tradesec_response_conf_t;


extern ngx_module_t  ngx_http_tradesec_response_module;


/* The rooms' directives, of a response_conf_t. */

char *ngx_http_tradesec_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_tradesec_header_remove(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tradesec_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_tradesec_cache_control(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

extern ngx_conf_enum_t  ngx_http_tradesec_header_presets[];

/* They inherit, and note in the main configuration that they have work. */

char *ngx_http_tradesec_headers_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_headers_conf_t *prev,
    ngx_http_tradesec_headers_conf_t *conf,
    ngx_http_tradesec_response_main_conf_t *rmcf);
char *ngx_http_tradesec_cookies_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_cookies_conf_t *prev,
    ngx_http_tradesec_cookies_conf_t *conf,
    ngx_http_tradesec_response_main_conf_t *rmcf);
void ngx_http_tradesec_cache_control_merge(ngx_conf_t *cf,
    const ngx_str_t *prev, ngx_str_t *conf,
    ngx_http_tradesec_response_main_conf_t *rmcf);

/* Each puts its filter in front of those that are there. */

void ngx_http_tradesec_headers_install(void);
void ngx_http_tradesec_cookies_install(void);
void ngx_http_tradesec_cache_control_install(void);


#endif /* NGX_HTTP_TRADESEC_RESPONSE_H */
