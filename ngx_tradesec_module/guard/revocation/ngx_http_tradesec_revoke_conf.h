/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The configuration of revocation: what revokes (tradesec_revoke), the
 * operators' locations (tradesec_revocations, tradesec_posture), and what they
 * can freeze. For the files of these rooms only.
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
    ngx_http_complex_value_t      *name;        /* of another user; NULL: the
                                                   caller */
} ngx_http_tradesec_revoke_policy_t;


typedef struct {
    ngx_flag_t                          operators;  /* there are some */
    ngx_flag_t                          reported;   /* some location asks for
                                                       the posture */
    ngx_str_t                           posture;    /* the report */
} ngx_http_tradesec_revoke_main_conf_t;


/*
 * Only freeze is inherited by locations: one within may be another action. An
 * "if" within is none.
 */

typedef struct {
    ngx_http_tradesec_revoke_policy_t  *policy;
    ngx_array_t                        *allow;      /* of ngx_cidr_t: the
                                                       operators' location */
    ngx_array_t                        *posture;    /* the same of the posture
                                                       report's */
    ngx_flag_t                          freeze;
} ngx_http_tradesec_revoke_conf_t;


extern ngx_module_t  ngx_http_tradesec_revoke_module;


/*
 * All that a user has been issued, by any provider. Returns for how many of
 * them; *all gets how many there are.
 */

ngx_uint_t ngx_http_tradesec_revocations_user(ngx_http_request_t *r,
    ts_slice_t user, ngx_uint_t *all);

/* The directive of the operators' location, and its merging. */

char *ngx_http_tradesec_revocations(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tradesec_revocations_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_revoke_conf_t *conf);


#endif /* NGX_HTTP_TRADESEC_REVOKE_CONF_H */
