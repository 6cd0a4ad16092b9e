/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What all directive setters and mergers share: the sentences for mistakes, and
 * what nginx says of the location at hand.
 */

#ifndef NGX_HTTP_TRADESEC_CONF_H
#define NGX_HTTP_TRADESEC_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_types.h"


/*
 * Logs that the current directive cannot take the parameter and, when one of
 * the n words is near, which one was probably meant. One that is itself a word,
 * as "on", has come where it must stand alone. Returns NGX_CONF_ERROR.
 */

char *ngx_http_tradesec_conf_unknown(ngx_conf_t *cf, ngx_str_t *parameter,
    const ts_slice_t *words, size_t n);

/* The same for a line of a block of our own. */

char *ngx_http_tradesec_conf_unknown_line(ngx_conf_t *cf, const char *block,
    const ts_slice_t *words, size_t n);

/*
 * Logs a mistake that shows only while a location is merged, when nginx no
 * longer knows its line: with the server's file and line, and the location's
 * name. The message is not a format. Returns NGX_CONF_ERROR.
 */

char *ngx_http_tradesec_conf_merge_error(ngx_conf_t *cf, const char *message);

/*
 * While a location is merged: whether it is the block of an "if" or of a
 * "limit_except", to which nginx moves requests of the location around it. Such
 * a block has to take over what locations do not inherit from each other.
 */

ngx_flag_t ngx_http_tradesec_conf_is_block(ngx_conf_t *cf);

/* The block of a "limit_except" has no content handler but the one set here. */

void ngx_http_tradesec_conf_serve(ngx_conf_t *cf, ngx_http_handler_pt handler);


#endif /* NGX_HTTP_TRADESEC_CONF_H */
