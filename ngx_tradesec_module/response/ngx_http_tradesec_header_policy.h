/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which response headers a location sets, keeps, merges and removes: the
 * presets, the directives that adjust them, and the finished list.
 */

#ifndef NGX_HTTP_TRADESEC_HEADER_POLICY_H
#define NGX_HTTP_TRADESEC_HEADER_POLICY_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The most headers one location sets and removes: a bit for each. */

#define NGX_HTTP_TRADESEC_HEADERS_MAX  32


typedef enum {
    NGX_HTTP_TRADESEC_HEADER_REPLACE,   /* ours, whatever the backend said */
    NGX_HTTP_TRADESEC_HEADER_KEEP,      /* the backend's, else ours */
    NGX_HTTP_TRADESEC_HEADER_MERGE,     /* CSP: the backend's, and what of
                                           ours it lacks */
    NGX_HTTP_TRADESEC_HEADER_REMOVE,    /* nobody's */
    NGX_HTTP_TRADESEC_HEADER_OFF        /* not our business */
} ngx_http_tradesec_header_mode_e;


typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
    ngx_http_complex_value_t        *variable;   /* instead of value */
    ngx_http_tradesec_header_mode_e  mode;
    ngx_flag_t                       tls_only;
} ngx_http_tradesec_header_t;


typedef struct {
    /* first the fixed ones, last those that are removed */
    ngx_http_tradesec_header_t       headers[NGX_HTTP_TRADESEC_HEADERS_MAX];
    ngx_uint_t                       n;
    ngx_uint_t                       nset;         /* not removed */

    /* which are always set to the same value: their lines */
    ngx_table_elt_t                  fixed[NGX_HTTP_TRADESEC_HEADERS_MAX];
    ngx_uint_t                       nfixed;

    uint64_t                         lengths;      /* a bit for each length
                                                      of a name, modulo 64 */
    ngx_flag_t                       hide_server;  /* nginx's own Server */
} ngx_http_tradesec_header_policy_t;


#define NGX_HTTP_TRADESEC_PRESET_OFF     0
#define NGX_HTTP_TRADESEC_PRESET_BASIC   1
#define NGX_HTTP_TRADESEC_PRESET_STRICT  2


/*
 * Builds a location's policy from a preset, the headers that
 * tradesec_header adjusts (header_t, later ones win) and the names to remove
 * (ngx_str_t; NULL: Server and X-Powered-By). Returns NULL after saying why.
 */

const ngx_http_tradesec_header_policy_t *ngx_http_tradesec_header_policy_build(
    ngx_conf_t *cf, ngx_uint_t preset, const ngx_array_t *adjusted,
    const ngx_array_t *removed);

/* Without regard to case. */

ngx_flag_t ngx_http_tradesec_header_name_eq(const ngx_str_t *a,
    const ngx_str_t *b);

/* Whether a merged location sets the header, and does not only remove it. */

ngx_flag_t ngx_http_tradesec_conf_sets_header(ngx_conf_t *cf,
    const ngx_str_t *name);


#endif /* NGX_HTTP_TRADESEC_HEADER_POLICY_H */
