/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The configuration of tradesec_revoke; for ngx_http_tradesec_revoke*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_REVOKE_CONF_H
#define NGX_HTTP_TRADESEC_REVOKE_CONF_H

#include "core/ts_outcome.h"
#include "core/ts_revocations.h"


#define NGX_HTTP_TRADESEC_REVOKE_CLEAR  8


typedef struct {
    ts_revoked_e                   what;        /* NOTHING: off */
    ts_outcome_criteria_t          criteria;
    ngx_flag_t                     success;     /* it names statuses */
    ngx_str_t                      clear[NGX_HTTP_TRADESEC_REVOKE_CLEAR];
    ngx_uint_t                     n_clear;
    ngx_flag_t                     clear_site_data;
} ngx_http_tradesec_revoke_policy_t;


typedef struct {
    ngx_http_tradesec_revoke_policy_t  *policy;
} ngx_http_tradesec_revoke_conf_t;


extern ngx_module_t  ngx_http_tradesec_revoke_module;


#endif /* NGX_HTTP_TRADESEC_REVOKE_CONF_H */
