/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The findings of the configuration (core/ts_finding.h): where each was made,
 * and whether the operator has accepted it there. They are gathered while the
 * configuration is merged, and printed at its end, in one place.
 */

#ifndef NGX_HTTP_TRADESEC_FINDINGS_H
#define NGX_HTTP_TRADESEC_FINDINGS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_finding.h"


/*
 * A place of the configuration: http, a server, a location, an "if". Made when
 * its block is opened, so that it knows the line. Those that are merged are in
 * the list, a parent before its children.
 */

typedef struct ngx_http_tradesec_place_s  ngx_http_tradesec_place_t;

struct ngx_http_tradesec_place_s {
    ngx_str_t                         file;
    ngx_uint_t                        line;
    ngx_http_tradesec_place_t        *parent;     /* NULL: http */
    ngx_http_tradesec_place_t        *next;
    ngx_http_conf_ctx_t               ctx;        /* once it is merged */

    ngx_array_t                      *accepted;   /* accepted_t; may be NULL */
    ngx_array_t                      *foreign;    /* foreign_t; may be NULL */
    uint64_t                          found;      /* a bit for each finding */

    ngx_flag_t                        on;         /* tradesec is */
    ngx_flag_t                        inner;      /* only nginx leads there:
                                                     internal, @named, and the
                                                     blocks in them */
    ngx_flag_t                        on_below;   /* here or in a child */
    const void *const                *guards;     /* their policies by guard;
                                                     NULL: tradesec is off */
};


typedef struct {
    ts_finding_e                      id;
    ngx_str_t                         why;        /* empty: not said */
} ngx_http_tradesec_accepted_t;


typedef struct {
    ts_finding_e                      id;
    const ngx_http_tradesec_place_t  *place;
    ngx_str_t                         file;
    ngx_uint_t                        line;
    ngx_str_t                         detail;     /* may be empty */
    const ngx_http_tradesec_accepted_t
                                     *accepted;   /* NULL: it is not */
} ngx_http_tradesec_found_t;


typedef struct {
    ngx_array_t                       found;      /* found_t */
    ngx_http_tradesec_place_t        *places;
    ngx_http_tradesec_place_t       **last;
    ngx_uint_t                        level;      /* tradesec_findings */
} ngx_http_tradesec_findings_t;


#define NGX_HTTP_TRADESEC_FINDINGS_WARN   0
#define NGX_HTTP_TRADESEC_FINDINGS_ERROR  1


ngx_int_t ngx_http_tradesec_findings_init(ngx_conf_t *cf,
    ngx_http_tradesec_findings_t *findings);

/* For the block that has just been opened; NULL: no memory. */

ngx_http_tradesec_place_t *ngx_http_tradesec_place_create(ngx_conf_t *cf);

/* While it is merged. */

void ngx_http_tradesec_place_merge(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place, ngx_http_tradesec_place_t *parent,
    ngx_flag_t on);

ngx_flag_t ngx_http_tradesec_place_is_server(
    const ngx_http_tradesec_place_t *place);


/*
 * Makes a finding in the place of cf, at most one of each there. The second
 * says more exactly where, and about what; detail may be NULL.
 */

void ngx_http_tradesec_finding(ngx_conf_t *cf, ts_finding_e id);
void ngx_http_tradesec_finding_at(ngx_conf_t *cf, ts_finding_e id,
    ngx_http_tradesec_place_t *place, const ngx_str_t *file, ngx_uint_t line,
    const ngx_str_t *detail);

/*
 * Finds, in the line that is being read, that everybody on the host can read
 * the file of a secret.
 */

void ngx_http_tradesec_finding_secret(ngx_conf_t *cf, const ngx_str_t *file);

/*
 * The end of the configuration: prints what is not accepted. NGX_ERROR when
 * that is an error.
 */

ngx_int_t ngx_http_tradesec_findings_print(ngx_conf_t *cf);


/* The directives tradesec_accept and tradesec_findings. */

char *ngx_http_tradesec_accept(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_tradesec_findings(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Of request.c: those of the configuration, the place of cf. */

ngx_http_tradesec_findings_t *ngx_http_tradesec_conf_findings(ngx_conf_t *cf);
ngx_http_tradesec_place_t *ngx_http_tradesec_conf_place(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_FINDINGS_H */
