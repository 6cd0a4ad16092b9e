/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_word.h"
#include "guard/ngx_http_tradesec_body_source.h"
#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"


static ngx_int_t ngx_http_tradesec_body_field(ngx_conf_t *cf,
    ts_field_t *field, const ts_field_t **source, ngx_str_t *parameter,
    ts_slice_t name);
static ngx_int_t ngx_http_tradesec_body_json(ngx_conf_t *cf,
    ngx_http_tradesec_body_source_t *source, ngx_str_t *parameter,
    ts_slice_t pointer);
static ngx_int_t ngx_http_tradesec_body_source_error(ngx_conf_t *cf,
    const char *what, ngx_str_t *parameter);


ngx_int_t
ngx_http_tradesec_body_source(ngx_conf_t *cf,
    ngx_http_tradesec_body_source_t *source, ngx_str_t *parameter,
    ngx_str_t value)
{
    ts_slice_t  text;

    static const ts_slice_t  kinds[] = {
        { (const uint8_t *) "form:", 5 },
        { (const uint8_t *) "multipart:", 10 },
        { (const uint8_t *) "json:", 5 },
    };

    switch (ts_word_open(ts_slice(value.data, value.len), kinds, 3, &text)) {

    case 0:
        return ngx_http_tradesec_body_field(cf, &source->form,
                                            &source->sources.form, parameter,
                                            text);

    case 1:
        return ngx_http_tradesec_body_field(cf, &source->multipart,
                                            &source->sources.multipart,
                                            parameter, text);

    case 2:
        return ngx_http_tradesec_body_json(cf, source, parameter, text);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_tradesec_body_field(ngx_conf_t *cf, ts_field_t *field,
    const ts_field_t **source, ngx_str_t *parameter, ts_slice_t name)
{
    if (*source != NULL) {
        return ngx_http_tradesec_body_source_error(cf, "duplicate source",
                                                   parameter);
    }

    if (!ts_field_init(field, name)) {
        return ngx_http_tradesec_body_source_error(cf, "invalid field name in",
                                                   parameter);
    }

    *source = field;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_body_json(ngx_conf_t *cf,
    ngx_http_tradesec_body_source_t *source, ngx_str_t *parameter,
    ts_slice_t pointer)
{
    ngx_uint_t  i;

    if (source->sources.json != NULL) {
        return ngx_http_tradesec_body_source_error(cf, "duplicate source",
                                                   parameter);
    }

    if (!ngx_http_tradesec_conf_pointer(cf, pointer, &source->json)) {
        return ngx_http_tradesec_body_source_error(cf,
                                       "write a pointer as \"json:/name\": "
                                       "invalid JSON pointer in", parameter);
    }

    for (i = 0; i < source->json.n; i++) {
        if (!ts_field_init(&source->json_names[i], source->json.names[i])) {
            return ngx_http_tradesec_body_source_error(cf,
                                                     "invalid member name in",
                                                     parameter);
        }
    }

    source->sources.json = &source->json;
    source->sources.json_names = source->json_names;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_body_source_error(ngx_conf_t *cf, const char *what,
    ngx_str_t *parameter)
{
    ngx_str_t  *directive = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s \"%V\" in \"%V\"", what,
                       parameter, directive);

    return NGX_ERROR;
}


ngx_http_tradesec_verdict_t
ngx_http_tradesec_body_source_read(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, size_t max,
    const ngx_http_tradesec_body_reasons_t *reasons,
    ts_login_request_t *request)
{
    ngx_int_t                        rc;
    ngx_str_t                        body;
    ngx_http_tradesec_body_fields_t  fields;

    ngx_http_tradesec_body_fields(r, &fields);

    if (fields.encoded) {
        return ngx_http_tradesec_deny(reasons->encoded);
    }

    if (fields.content_types != 1) {
        return ngx_http_tradesec_deny(reasons->type);
    }

    rc = ngx_http_tradesec_read_body(r, ctx, max, &body);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return ngx_http_tradesec_wait();

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_tradesec_deny(reasons->too_large);

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_tradesec_deny(reasons->malformed);

    default:
        return ngx_http_tradesec_fault();
    }

    request->content_type = ts_slice(fields.content_type.data,
                                     fields.content_type.len);
    request->query = ts_slice(r->args.data, r->args.len);
    request->body = ts_slice(body.data, body.len);

    return ngx_http_tradesec_pass();
}
