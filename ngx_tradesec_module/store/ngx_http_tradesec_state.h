/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The state file: what must not be forgotten when nginx is restarted or
 * upgraded, as text. It is always a whole file: written beside, then renamed.
 *
 * One worker, the keeper, writes it within a second after something changed,
 * a few kilobytes at a time between its requests; and once more when it exits.
 * It never waits for a disk (no fsync), so what a machine that loses its power
 * loses is at most what the kernel had not written. The master reads the file
 * when it creates the zone; "nginx -t" reads it too, and writes nothing.
 */

#ifndef NGX_HTTP_TRADESEC_STATE_H
#define NGX_HTTP_TRADESEC_STATE_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "store/ngx_http_tradesec_zone.h"


#define NGX_HTTP_TRADESEC_AREAS  8


typedef struct {
    ngx_str_t                    path;      /* empty: there is no file */
    ngx_http_tradesec_area_t   **areas;
    ngx_uint_t                   n;
    volatile ngx_pid_t          *keeper;    /* in the zone */

    /* of the keeper */

    ngx_event_t                  event;
    ngx_connection_t             connection;    /* for nginx's debug log */
    ngx_str_t                    temp;
    ngx_fd_t                     fd;        /* of temp, while it is written */
    ngx_uint_t                   area;      /* that is being dumped */
    uint32_t                     cursor;
    ngx_flag_t                   saved;     /* at least once */
    uint64_t                     changes[NGX_HTTP_TRADESEC_AREAS];
} ngx_http_tradesec_state_t;


/* Takes the parameter "state=file"; NGX_ERROR after saying why not. */

ngx_int_t ngx_http_tradesec_state_conf(ngx_conf_t *cf, ngx_str_t *parameter,
    ngx_http_tradesec_state_t *state);

/* Reads the file into the areas that are fresh. */

ngx_int_t ngx_http_tradesec_state_load(ngx_http_tradesec_state_t *state,
    ngx_log_t *log);

/* Makes this process the keeper, instead of any other. */

void ngx_http_tradesec_state_start(ngx_http_tradesec_state_t *state,
    ngx_log_t *log);

/* Writes what is not written yet, when this process is the keeper. */

void ngx_http_tradesec_state_stop(ngx_http_tradesec_state_t *state);


#endif /* NGX_HTTP_TRADESEC_STATE_H */
