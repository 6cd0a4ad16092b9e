/*
 * Copyright (C) the ngx_tradesec authors
 *
 * $tradesec_status, $tradesec_reason, $tradesec_guard and $tradesec_rule: what
 * the gate decided.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"


static ngx_int_t ngx_http_tradesec_variable_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_variable_guard(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_variable_rule(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_variable_set(ngx_http_variable_value_t *v,
    const void *data, size_t len);


static ngx_http_variable_t  ngx_http_tradesec_variables[] = {

    { ngx_string("tradesec_status"), NULL,
      ngx_http_tradesec_variable_status, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_reason"), NULL,
      ngx_http_tradesec_variable_reason, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_guard"), NULL,
      ngx_http_tradesec_variable_guard, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_rule"), NULL,
      ngx_http_tradesec_variable_rule, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* Indexed by ngx_http_tradesec_status_e. */

static const ngx_str_t  ngx_http_tradesec_statuses[] = {
    ngx_string("OFF"),
    ngx_string("PASSED"),
    ngx_string("REJECTED"),
    ngx_string("REJECTED_DRY_RUN")
};


ngx_int_t
ngx_http_tradesec_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tradesec_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_variable_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t                *word;
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    word = &ngx_http_tradesec_statuses[ctx ? ctx->status
                                           : NGX_HTTP_TRADESEC_STATUS_OFF];

    return ngx_http_tradesec_variable_set(v, word->data, word->len);
}


static ngx_int_t
ngx_http_tradesec_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ts_reason_t              *reason;
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    reason = &ts_reasons[ctx ? ctx->reason : TS_REASON_NONE];

    return ngx_http_tradesec_variable_set(v, reason->word, reason->word_len);
}


static ngx_int_t
ngx_http_tradesec_variable_guard(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t                *name;
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    if (ctx == NULL || ctx->reason == TS_REASON_NONE) {
        return ngx_http_tradesec_variable_set(v, "", 0);
    }

    name = ngx_http_tradesec_guard_name(ctx->guard);

    return ngx_http_tradesec_variable_set(v, name->data, name->len);
}


static ngx_int_t
ngx_http_tradesec_variable_rule(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    if (ctx == NULL || ctx->rule == NULL) {
        return ngx_http_tradesec_variable_set(v, "", 0);
    }

    return ngx_http_tradesec_variable_set(v, ctx->rule->data, ctx->rule->len);
}


static ngx_int_t
ngx_http_tradesec_variable_set(ngx_http_variable_value_t *v, const void *data,
    size_t len)
{
    v->data = (u_char *) data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
