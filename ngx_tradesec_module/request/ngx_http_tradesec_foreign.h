/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What other modules' directives say. Their configuration is private, and its
 * layout changes with nginx; what an operator wrote is not. While nginx reads
 * the configuration, the setters of the directives below are ours, which note
 * the line in its place and call the module's own; then each has its own back.
 */

#ifndef NGX_HTTP_TRADESEC_FOREIGN_H
#define NGX_HTTP_TRADESEC_FOREIGN_H

#include "request/ngx_http_tradesec_findings.h"


/* Of one kind are the same directives of different modules. */

#define NGX_HTTP_TRADESEC_FOREIGN_MAP(X)                                     \
    X(PASS, "proxy_pass")                                                    \
    X(PASS, "fastcgi_pass")                                                  \
    X(PASS, "uwsgi_pass")                                                    \
    X(PASS, "scgi_pass")                                                     \
    X(PASS, "grpc_pass")                                                     \
    X(CACHE, "proxy_cache")                                                  \
    X(CACHE, "fastcgi_cache")                                                \
    X(CACHE, "uwsgi_cache")                                                  \
    X(CACHE, "scgi_cache")                                                   \
    X(CACHE_KEY, "proxy_cache_key")                                          \
    X(CACHE_KEY, "fastcgi_cache_key")                                        \
    X(CACHE_KEY, "uwsgi_cache_key")                                          \
    X(CACHE_KEY, "scgi_cache_key")                                           \
    X(SSL_VERIFY, "proxy_ssl_verify")                                        \
    X(SSL_VERIFY, "uwsgi_ssl_verify")                                        \
    X(SSL_VERIFY, "grpc_ssl_verify")                                         \
    X(HTTP_VERSION, "proxy_http_version")                                    \
    X(SET_HEADER, "proxy_set_header")                                        \
    X(ADD_HEADER, "add_header")                                              \
    X(ADD_HEADER_INHERIT, "add_header_inherit")                              \
    X(SSL_PROTOCOLS, "ssl_protocols")                                        \
    X(REAL_IP_FROM, "set_real_ip_from")                                      \
    X(RETURN, "return")                                                      \
    X(HEADER, "tradesec_header")                                             \
    X(COOKIES, "tradesec_cookies")                                           \
    X(DRY_RUN, "tradesec_dry_run")                                           \
    X(REVOKE, "tradesec_revoke")                                             \
    X(ORIGIN, "tradesec_origin")                                             \
    X(TRUSTED_SCHEME, "tradesec_trusted_scheme")                             \
    X(WEBSOCKET, "tradesec_websocket")

typedef enum {
    NGX_HTTP_TRADESEC_FOREIGN_PASS,
    NGX_HTTP_TRADESEC_FOREIGN_CACHE,
    NGX_HTTP_TRADESEC_FOREIGN_CACHE_KEY,
    NGX_HTTP_TRADESEC_FOREIGN_SSL_VERIFY,
    NGX_HTTP_TRADESEC_FOREIGN_HTTP_VERSION,
    NGX_HTTP_TRADESEC_FOREIGN_SET_HEADER,
    NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER,
    NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER_INHERIT,
    NGX_HTTP_TRADESEC_FOREIGN_SSL_PROTOCOLS,
    NGX_HTTP_TRADESEC_FOREIGN_REAL_IP_FROM,
    NGX_HTTP_TRADESEC_FOREIGN_RETURN,
    NGX_HTTP_TRADESEC_FOREIGN_HEADER,
    NGX_HTTP_TRADESEC_FOREIGN_COOKIES,
    NGX_HTTP_TRADESEC_FOREIGN_DRY_RUN,
    NGX_HTTP_TRADESEC_FOREIGN_REVOKE,
    NGX_HTTP_TRADESEC_FOREIGN_ORIGIN,
    NGX_HTTP_TRADESEC_FOREIGN_TRUSTED_SCHEME,
    NGX_HTTP_TRADESEC_FOREIGN_WEBSOCKET
} ngx_http_tradesec_foreign_e;


typedef struct {
    ngx_http_tradesec_foreign_e   kind;
    ngx_uint_t                    n;        /* with the directive's name */
    const ngx_str_t              *args;
    ngx_str_t                     file;
    ngx_uint_t                    line;
} ngx_http_tradesec_foreign_t;


/* Before the configuration is read, and after it was. */

ngx_int_t ngx_http_tradesec_foreign_watch(ngx_conf_t *cf);
void ngx_http_tradesec_foreign_unwatch(void *data);

/*
 * The first line of the kind in the place itself, from the line *i on, which
 * is moved behind it. NULL: none. With a name, of the directive of that name;
 * it may be NULL.
 */

const ngx_http_tradesec_foreign_t *ngx_http_tradesec_foreign_next(
    const ngx_http_tradesec_place_t *place, ngx_http_tradesec_foreign_e kind,
    const char *name, ngx_uint_t *i);

/* The first one in the nearest place that has any, as nginx inherits. */

const ngx_http_tradesec_foreign_t *ngx_http_tradesec_foreign_find(
    const ngx_http_tradesec_place_t *place, ngx_http_tradesec_foreign_e kind,
    const char *name);

/* Whether the text has the variable, as $name or ${name}. */

ngx_flag_t ngx_http_tradesec_foreign_variable(const ngx_str_t *text,
    const char *name, size_t len);


#endif /* NGX_HTTP_TRADESEC_FOREIGN_H */
