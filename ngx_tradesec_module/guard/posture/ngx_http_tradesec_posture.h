/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What the configuration as a whole holds: the findings that no single
 * directive shows, and the report of what protects what.
 */

#ifndef NGX_HTTP_TRADESEC_POSTURE_H
#define NGX_HTTP_TRADESEC_POSTURE_H

#include "request/ngx_http_tradesec_foreign.h"


/* How clients can reach a server. */

typedef struct {
    ngx_flag_t  tls;        /* over TLS */
    ngx_flag_t  plain;      /* without it, by the network */
} ngx_http_tradesec_listens_t;

ngx_http_tradesec_listens_t ngx_http_tradesec_posture_listens(ngx_conf_t *cf);


/* Makes the findings of one merged place, which is that of cf. */

void ngx_http_tradesec_posture_server(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
void ngx_http_tradesec_posture_location(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
void ngx_http_tradesec_posture_headers(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);

/* Whether an argument of a line, which may be NULL, is the word. */

ngx_flag_t ngx_http_tradesec_posture_says(
    const ngx_http_tradesec_foreign_t *foreign, ngx_uint_t arg,
    const char *word);

/* The line of a header in the place itself; the last one, as it counts. */

const ngx_http_tradesec_foreign_t *ngx_http_tradesec_posture_header(
    const ngx_http_tradesec_place_t *place, ngx_http_tradesec_foreign_e kind,
    const ngx_str_t *name);

/* Once the configuration is merged. */

ngx_int_t ngx_http_tradesec_posture(ngx_conf_t *cf);

/* Writes the report, where some location asks for it. */

ngx_int_t ngx_http_tradesec_posture_report(ngx_conf_t *cf);

/* The directive tradesec_posture, and who answers there. */

char *ngx_http_tradesec_posture_location_set(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_tradesec_posture_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_TRADESEC_POSTURE_H */
