/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What the rooms of this floor keep in its nginx module. For request/ only.
 */

#ifndef NGX_HTTP_TRADESEC_REQUEST_CONF_H
#define NGX_HTTP_TRADESEC_REQUEST_CONF_H

#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_identity.h"
#include "request/ngx_http_tradesec_request.h"


typedef struct {
    ngx_int_t                     request_id;   /* index of the variable */
    ngx_flag_t                    identities;   /* some server has them */
    ngx_http_tradesec_claims_t    claims;
    ngx_http_tradesec_findings_t  findings;
} ngx_http_tradesec_request_main_conf_t;


/* The headers of a server that tell the backend who the caller is. */

typedef struct {
    ngx_flag_t                    active;
    ngx_str_t                     names[NGX_HTTP_TRADESEC_IDENTITY_HEADERS];
    ngx_uint_t                    n;
} ngx_http_tradesec_identity_srv_conf_t;


/* Registers what a configuration with identities needs. */

ngx_int_t ngx_http_tradesec_identity_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_REQUEST_CONF_H */
