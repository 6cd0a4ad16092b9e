/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The switch itself: whether a location is protected, what of it is in dry
 * run, and which scheme the client used.
 */

#ifndef NGX_HTTP_TRADESEC_REQUEST_H
#define NGX_HTTP_TRADESEC_REQUEST_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_guard.h"


extern ngx_module_t  ngx_http_tradesec_request_module;


/* Whether "tradesec on" holds for the request's current location. */

ngx_flag_t ngx_http_tradesec_is_on(ngx_http_request_t *r);

/* The same while the configuration of a location is being merged. */

ngx_flag_t ngx_http_tradesec_conf_is_on(ngx_conf_t *cf);

/*
 * A location whose requests carry a password in their body says so while it is
 * merged; the origin guard then counts the body as a credential.
 */

void ngx_http_tradesec_conf_set_login(ngx_conf_t *cf);
ngx_flag_t ngx_http_tradesec_conf_is_login(ngx_conf_t *cf);
ngx_flag_t ngx_http_tradesec_is_login(ngx_http_request_t *r);

/*
 * A location whose guard verifies who the caller is says so while it is
 * merged; those that build on it ask afterwards.
 */

void ngx_http_tradesec_conf_set_verified(ngx_conf_t *cf);

/*
 * The same for one that judges another credential than who the caller is, such
 * as a refresh token: it needs no token and is not public either.
 */

void ngx_http_tradesec_conf_set_credential(ngx_conf_t *cf);
ngx_flag_t ngx_http_tradesec_conf_has_credential(ngx_conf_t *cf);
ngx_flag_t ngx_http_tradesec_conf_is_verified(ngx_conf_t *cf);

/* Whether the guard only marks what it would refuse here. */

ngx_flag_t ngx_http_tradesec_is_dry_run(ngx_http_request_t *r,
    ngx_http_tradesec_guard_e guard);

/* Whether the method is one of tradesec_safe_methods. */

ngx_flag_t ngx_http_tradesec_is_safe(ngx_http_request_t *r);

/*
 * While a location is merged: an address that names its list of safe methods,
 * the same where the list was inherited.
 */

const void *ngx_http_tradesec_conf_safe_methods(ngx_conf_t *cf);

/*
 * Whether the client came over TLS: to nginx itself, or, where
 * tradesec_trusted_scheme says so, to the load balancer in front of it.
 */

ngx_flag_t ngx_http_tradesec_is_https(ngx_http_request_t *r);

/*
 * Whether the request came in TLS early data, which can be replayed (RFC 8470
 * section 5.2); "ssl_early_data" is off by default.
 */

ngx_flag_t ngx_http_tradesec_read_early_data(ngx_http_request_t *r);

static ngx_inline ngx_flag_t
ngx_http_tradesec_is_early_data(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    return r->connection->ssl && ngx_http_tradesec_read_early_data(r);
#else
    return 0;
#endif
}


/* The index of nginx's $request_id; NGX_ERROR: the configuration has none. */

ngx_int_t ngx_http_tradesec_request_id_index(ngx_http_request_t *r);

/* The name of a guard, as in the log and in the configuration. */

const ngx_str_t *ngx_http_tradesec_guard_name(ngx_http_tradesec_guard_e id);

/* Adds $tradesec_status, $tradesec_reason and $tradesec_guard. */

ngx_int_t ngx_http_tradesec_add_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_REQUEST_H */
