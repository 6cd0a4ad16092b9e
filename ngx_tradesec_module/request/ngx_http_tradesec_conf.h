/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What all directive setters and mergers share: how parameters are read, the
 * sentences for mistakes, and what nginx says of the location at hand.
 */

#ifndef NGX_HTTP_TRADESEC_CONF_H
#define NGX_HTTP_TRADESEC_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_json.h"
#include "core/ts_types.h"


/*
 * How a directive reads what it makes for a location: the memory is zeroed,
 * takes the parameters one by one, and is then completed where there is more to
 * say (NULL: there is not).
 */

typedef struct {
    size_t     size;
    char    *(*parameter)(ngx_conf_t *cf, void *policy, ngx_str_t *value);
    char    *(*complete)(ngx_conf_t *cf, void *policy);
} ngx_http_tradesec_conf_policy_t;


/*
 * The setter of such a directive, whose command has that in its post. At its
 * offset is a pointer, NGX_CONF_UNSET_PTR before; a lone "off" makes it NULL.
 */

char *ngx_http_tradesec_conf_set_policy_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

/*
 * The index of the word, as "name=", that the parameter begins with, and the
 * value behind it. One without a value is none of the n words.
 */

size_t ngx_http_tradesec_conf_open(const ngx_str_t *parameter,
    const ts_slice_t *words, size_t n, ngx_str_t *value);

/* Whether the text is a JSON pointer to a member, which it becomes. */

ngx_flag_t ngx_http_tradesec_conf_pointer(ngx_conf_t *cf, ts_slice_t text,
    ts_json_pointer_t *pointer);

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
