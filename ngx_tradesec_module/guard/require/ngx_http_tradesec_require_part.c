/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The parts of a request that rules compare with claims. Each has one reading,
 * or the request is refused: the backend must not find another account in it
 * than the rule did.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "core/ts_header.h"
#include "core/ts_path.h"
#include "guard/require/ngx_http_tradesec_require.h"
#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_field.h"


static char *ngx_http_tradesec_require_conf_variable(ngx_conf_t *cf,
    ngx_http_tradesec_require_part_t *part, ts_slice_t source);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_variable(
    ngx_http_request_t *r, const ngx_http_tradesec_require_part_t *part,
    ts_slice_t *text);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_header(
    ngx_http_request_t *r, const ngx_str_t *wanted, ts_slice_t *text);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_field(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ts_part_t *field, ngx_http_tradesec_require_body_t *body,
    u_char *buf, ts_slice_t *text);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_require_read_body(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_require_body_t *body);


/* Room for a body's JSON: a worker reads one at a time. */

static ts_json_token_t  ngx_http_tradesec_require_tokens[TS_PART_JSON_TOKENS];


char *
ngx_http_tradesec_require_conf_part(ngx_conf_t *cf,
    ngx_http_tradesec_require_part_t *part, ts_slice_t source)
{
    u_char      *buf;
    ngx_uint_t   i;
    ts_slice_t   name;

    static const struct {
        ts_slice_t                        prefix;
        ngx_http_tradesec_require_kind_e  kind;
        ts_part_place_e                   place;
    } places[] = {
        { { (const uint8_t *) "query:", 6 },
          NGX_HTTP_TRADESEC_REQUIRE_FIELD, TS_PART_QUERY },
        { { (const uint8_t *) "form:", 5 },
          NGX_HTTP_TRADESEC_REQUIRE_FIELD, TS_PART_FORM },
        { { (const uint8_t *) "json:", 5 },
          NGX_HTTP_TRADESEC_REQUIRE_FIELD, TS_PART_JSON },
        { { (const uint8_t *) "header:", 7 },
          NGX_HTTP_TRADESEC_REQUIRE_HEADER, TS_PART_QUERY },
    };

    if (source.data[0] == '$') {
        return ngx_http_tradesec_require_conf_variable(cf, part, source);
    }

    for (i = 0; i < sizeof(places) / sizeof(places[0]) - 1; i++) {
        if (ngx_strncmp(source.data, places[i].prefix.data,
                        places[i].prefix.len)
            == 0)
        {
            break;
        }
    }

    name = ts_slice(source.data + places[i].prefix.len,
                    source.len - places[i].prefix.len);

    part->kind = places[i].kind;

    if (part->kind == NGX_HTTP_TRADESEC_REQUIRE_HEADER) {
        part->header.data = (u_char *) name.data;
        part->header.len = name.len;

        if (ts_cookie_is_name(name)) {
            return NGX_CONF_OK;
        }

    } else {
        buf = ngx_pnalloc(cf->pool, source.len);
        if (buf == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ts_part_init(&part->field, places[i].place, name, buf)) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid part of the request \"%*s\" in "
                       "\"tradesec_require\"",
                       source.len, source.data);

    return NGX_CONF_ERROR;
}


/*
 * nginx takes the first of several arguments, cookies or fields, ignores their
 * case and decodes nothing: what it would compare need not be what the backend
 * reads.
 */

static char *
ngx_http_tradesec_require_conf_variable(ngx_conf_t *cf,
    ngx_http_tradesec_require_part_t *part, ts_slice_t source)
{
    size_t                             i, j;
    ngx_str_t                          value;
    ngx_http_compile_complex_value_t   ccv;

    static const struct {
        const char  *prefix;
        const char  *instead;
    } ambiguous[] = {
        { "arg_", "query:NAME" },
        { "http_", "header:NAME" },
        { "cookie_", "a claim or another part of the request" },
    };

    for (i = 0; i + 1 < source.len; i++) {

        if (source.data[i] != '$') {
            continue;
        }

        if (source.data[i + 1] == '{') {
            i++;
        }

        for (j = 0; j < sizeof(ambiguous) / sizeof(ambiguous[0]); j++) {

            if (ngx_strncasecmp((u_char *) source.data + i + 1,
                                (u_char *) ambiguous[j].prefix,
                                ngx_min(ngx_strlen(ambiguous[j].prefix),
                                        source.len - i - 1))
                == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"$%s\" in \"tradesec_require\" is the "
                                   "first of several that a request may have: "
                                   "compare with %s",
                                   ambiguous[j].prefix, ambiguous[j].instead);
                return NGX_CONF_ERROR;
            }
        }
    }

    part->kind = NGX_HTTP_TRADESEC_REQUIRE_VARIABLE;

    value.data = (u_char *) source.data;
    value.len = source.len;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value;
    ccv.complex_value = &part->value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_read(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_require_part_t *part,
    ngx_http_tradesec_require_body_t *body, u_char *buf, ts_slice_t *text)
{
    switch (part->kind) {

    case NGX_HTTP_TRADESEC_REQUIRE_VARIABLE:
        return ngx_http_tradesec_require_variable(r, part, text);

    case NGX_HTTP_TRADESEC_REQUIRE_HEADER:
        return ngx_http_tradesec_require_header(r, &part->header, text);

    case NGX_HTTP_TRADESEC_REQUIRE_FIELD:
    default:
        return ngx_http_tradesec_require_field(r, ctx, &part->field, body, buf,
                                               text);
    }
}


/*
 * A variable may be a capture of the path, and the backend is sent the path as
 * it came: it has to be one that everybody reads alike.
 */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_variable(ngx_http_request_t *r,
    const ngx_http_tradesec_require_part_t *part, ts_slice_t *text)
{
    ngx_str_t  value;

    if (!ts_path_is_plain(ts_slice(r->unparsed_uri.data,
                                   r->unparsed_uri.len)))
    {
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_AMBIGUOUS);
    }

    if (ngx_http_complex_value(r, (ngx_http_complex_value_t *) &part->value,
                               &value)
        != NGX_OK)
    {
        return ngx_http_tradesec_fault();
    }

    *text = ts_slice(value.data, value.len);

    return ngx_http_tradesec_pass();
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_header(ngx_http_request_t *r,
    const ngx_str_t *wanted, ts_slice_t *text)
{
    ts_slice_t        name, key;
    ngx_uint_t        n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    name = ts_slice(wanted->data, wanted->len);

    ngx_http_tradesec_each_field(r, part, h) {
        key = ts_slice(h->key.data, h->key.len);

        if (!ts_header_same_name(name, key)) {
            continue;
        }

        /* x_account is another field to some backends, the same to others */

        if (n++
            || ngx_strncasecmp(h->key.data, wanted->data, h->key.len) != 0)
        {
            return ngx_http_tradesec_deny(TS_REASON_REQUIRE_AMBIGUOUS);
        }

        *text = ts_slice(h->value.data, h->value.len);
    }

    return ngx_http_tradesec_pass();
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_field(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ts_part_t *field,
    ngx_http_tradesec_require_body_t *body, u_char *buf, ts_slice_t *text)
{
    ts_part_request_t            request;
    ngx_http_tradesec_verdict_t  verdict;

    verdict = ngx_http_tradesec_require_read_body(r, ctx, body);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
        return verdict;
    }

    if (body->body.len == 0 && field->place != TS_PART_QUERY) {
        return ngx_http_tradesec_pass();
    }

    request.content_type = ts_slice(body->content_type.data,
                                    body->content_type.len);
    request.query = ts_slice(r->args.data, r->args.len);
    request.body = ts_slice(body->body.data, body->body.len);
    request.tokens = ngx_http_tradesec_require_tokens;

    switch (ts_part_read(field, &request, buf, text)) {

    case TS_PART_OK:
        return ngx_http_tradesec_pass();

    case TS_PART_MISSING:
        *text = ts_slice(NULL, 0);
        return ngx_http_tradesec_pass();

    case TS_PART_AMBIGUOUS:
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_AMBIGUOUS);

    case TS_PART_TYPE:
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_BODY_TYPE);

    case TS_PART_MALFORMED:
    default:
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_MALFORMED);
    }
}


/* The body, once for all parts of a request. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_require_read_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_require_body_t *body)
{
    ngx_http_tradesec_body_fields_t          fields;
    const ngx_http_tradesec_require_conf_t  *qlcf;

    if (body->read) {
        return ngx_http_tradesec_pass();
    }

    qlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_require_module);

    switch (ngx_http_tradesec_read_body(r, ctx, qlcf->body_size, &body->body))
    {
    case NGX_OK:
        break;

    case NGX_AGAIN:
        return ngx_http_tradesec_wait();

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_BODY_TOO_LARGE);

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_MALFORMED);

    default:
        return ngx_http_tradesec_fault();
    }

    ngx_http_tradesec_body_fields(r, &fields);

    if (body->body.len && (fields.encoded || fields.content_types > 1)) {
        return ngx_http_tradesec_deny(TS_REASON_REQUIRE_BODY_TYPE);
    }

    body->content_type = fields.content_type;
    body->read = 1;

    return ngx_http_tradesec_pass();
}
