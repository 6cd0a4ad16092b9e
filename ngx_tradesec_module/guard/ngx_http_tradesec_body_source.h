/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A field of the request's body that guards read: "json:/pointer", "form:name"
 * and "multipart:name" of a directive, read by core/ts_login.h.
 */

#ifndef NGX_HTTP_TRADESEC_BODY_SOURCE_H
#define NGX_HTTP_TRADESEC_BODY_SOURCE_H

#include "core/ts_login.h"
#include "core/ts_reason.h"
#include "request/ngx_http_tradesec_context.h"


typedef struct {
    ts_login_sources_t   sources;
    ts_field_t           form;
    ts_field_t           multipart;
    ts_json_pointer_t    json;
    ts_field_t           json_names[TS_JSON_POINTER_DEPTH];
} ngx_http_tradesec_body_source_t;


/* Why the body cannot be read, in the words of a guard. */

typedef struct {
    ts_reason_e          encoded;
    ts_reason_e          type;
    ts_reason_e          too_large;
    ts_reason_e          malformed;
} ngx_http_tradesec_body_reasons_t;


/*
 * While the directive is read: parameter as it is written, value behind its
 * "=". NGX_DECLINED when it is none of the three; NGX_ERROR is logged.
 */

ngx_int_t ngx_http_tradesec_body_source(ngx_conf_t *cf,
    ngx_http_tradesec_body_source_t *source, ngx_str_t *parameter,
    ngx_str_t value);

/*
 * Fills in all of the request but its tokens, and passes; else it waits for
 * the body, or refuses.
 */

ngx_http_tradesec_verdict_t ngx_http_tradesec_body_source_read(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx, size_t max,
    const ngx_http_tradesec_body_reasons_t *reasons,
    ts_login_request_t *request);


#endif /* NGX_HTTP_TRADESEC_BODY_SOURCE_H */
