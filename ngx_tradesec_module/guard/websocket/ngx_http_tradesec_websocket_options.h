/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The parameters of tradesec_websocket and tradesec_websocket_client: for
 * ngx_http_tradesec_websocket_conf.c only.
 */

#ifndef NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS_H
#define NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "response/ngx_http_tradesec_upgrade.h"


typedef struct ngx_http_tradesec_websocket_option_s
    ngx_http_tradesec_websocket_option_t;

/* The directive while it is read. */

typedef struct {
    ngx_conf_t                                  *cf;
    const ngx_http_tradesec_websocket_option_t  *options;
    ngx_uint_t                                   n_options;
    void                                        *conf;
    ngx_http_tradesec_websocket_side_t          *side;   /* of conf, or it */
    ngx_str_t                                   *parameter;
    ngx_str_t                                    value;  /* behind the "=" */
    ngx_http_tradesec_ws_frozen_t               *unfrozen;
    ngx_uint_t                                   seen;   /* options, as bits */
} ngx_http_tradesec_websocket_reader_t;


struct ngx_http_tradesec_websocket_option_s {
    ts_slice_t                             name;       /* with its "=" */
    char                                *(*read)(
                              ngx_http_tradesec_websocket_reader_t *reader,
                              const ngx_http_tradesec_websocket_option_t *o);
    size_t                                 offset;     /* in conf */
    ngx_uint_t                             argument;

    unsigned                               owner:1;    /* only with owner= */
    unsigned                               many:1;     /* may be repeated */
};


/* The rules of the direction, made when there are none; NULL: no memory. */

ts_owner_rules_t *ngx_http_tradesec_websocket_rules(
    ngx_http_tradesec_websocket_reader_t *reader);


/* Each reads the value of one parameter into the configuration. */

#define ngx_http_tradesec_websocket_reads(name)                              \
    char *ngx_http_tradesec_websocket_##name(                                \
        ngx_http_tradesec_websocket_reader_t *reader,                        \
        const ngx_http_tradesec_websocket_option_t *o)

ngx_http_tradesec_websocket_reads(time);
ngx_http_tradesec_websocket_reads(size);
ngx_http_tradesec_websocket_reads(rate);
ngx_http_tradesec_websocket_reads(burst);
ngx_http_tradesec_websocket_reads(unfrozen);
ngx_http_tradesec_websocket_reads(depth);
ngx_http_tradesec_websocket_reads(rule);
ngx_http_tradesec_websocket_reads(claim);
ngx_http_tradesec_websocket_reads(require);
ngx_http_tradesec_websocket_reads(type);
ngx_http_tradesec_websocket_reads(action);


#endif /* NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS_H */
