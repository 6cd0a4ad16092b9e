/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Tokens that travel where logs and backends would see them, in the query and
 * among the WebSocket subprotocols, are taken out of the request before any
 * other module looks at it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_bearer.h"
#include "core/ts_query.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "request/ngx_http_tradesec_field.h"


static ngx_http_tradesec_jwt_found_t *ngx_http_tradesec_jwt_get_found(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_jwt_take_query(ngx_http_request_t *r,
    ngx_uint_t i, const ngx_str_t *name);
static ngx_int_t ngx_http_tradesec_jwt_set_args(ngx_http_request_t *r,
    ts_slice_t args);
static ngx_int_t ngx_http_tradesec_jwt_clean_referer(ngx_http_request_t *r,
    ngx_table_elt_t *h, const ngx_str_t *name);
static ngx_int_t ngx_http_tradesec_jwt_take_subprotocol(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_jwt_header_filter(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


const ngx_http_tradesec_jwt_sources_t *
ngx_http_tradesec_jwt_get_sources(ngx_http_request_t *r)
{
    return ngx_http_get_module_srv_conf(r->main, ngx_http_tradesec_jwt_module);
}


ngx_int_t
ngx_http_tradesec_jwt_take_handler(ngx_http_request_t *r)
{
    ngx_uint_t                              i;
    ngx_table_elt_t                        *h;
    const ngx_http_tradesec_jwt_sources_t  *sources;

    sources = ngx_http_get_module_srv_conf(r, ngx_http_tradesec_jwt_module);

    for (i = 0; r->args.len && i < sources->queries.n; i++) {
        if (ngx_http_tradesec_jwt_take_query(r, i, &sources->queries.names[i])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    h = r->headers_in.referer;

    for (i = 0; h != NULL && i < sources->queries.n; i++) {
        if (ngx_http_tradesec_jwt_clean_referer(r, h,
                                                &sources->queries.names[i])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (sources->subprotocol && r->headers_in.upgrade
        && ngx_http_tradesec_jwt_take_subprotocol(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_http_tradesec_jwt_found_t *
ngx_http_tradesec_jwt_get_found(ngx_http_request_t *r)
{
    ngx_http_tradesec_jwt_state_t  *state;

    state = ngx_http_tradesec_jwt_get_state(r);
    if (state == NULL) {
        return NULL;
    }

    if (state->found == NULL) {
        state->found = ngx_pcalloc(r->pool,
                                   sizeof(ngx_http_tradesec_jwt_found_t));
    }

    return state->found;
}


static ngx_int_t
ngx_http_tradesec_jwt_take_query(ngx_http_request_t *r, ngx_uint_t i,
    const ngx_str_t *name)
{
    u_char                         *buf;
    ts_slice_t                      args, rest, value;
    ts_query_result_e               rc;
    ngx_http_tradesec_jwt_taken_t  *taken;
    ngx_http_tradesec_jwt_found_t  *found;

    buf = ngx_pnalloc(r->pool, r->args.len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    args = ts_slice(r->args.data, r->args.len);
    rc = ts_query_take(args, ts_slice(name->data, name->len), buf, &rest,
                       &value);

    if (rc == TS_QUERY_NONE) {
        return NGX_OK;
    }

    found = ngx_http_tradesec_jwt_get_found(r);
    if (found == NULL) {
        return NGX_ERROR;
    }

    taken = &found->queries[i];
    taken->ambiguous = (rc == TS_QUERY_AMBIGUOUS);
    taken->token.data = (u_char *) value.data;
    taken->token.len = value.len;

    return value.data != NULL ? ngx_http_tradesec_jwt_set_args(r, rest)
                              : NGX_OK;
}


/*
 * Writes the request line anew with other arguments; the unparsed URI and the
 * arguments are views of it again. What they were before stays in the client's
 * buffer, which nobody logs any more.
 */

static ngx_int_t
ngx_http_tradesec_jwt_set_args(ngx_http_request_t *r, ts_slice_t args)
{
    u_char     *p, *line;
    size_t      before, head, tail;
    ngx_str_t   uri;

    uri = r->unparsed_uri;

    if (r->args.data < uri.data
        || r->args.data + r->args.len > uri.data + uri.len)
    {
        return NGX_ERROR;
    }

    /* HTTP/2 and 3 write a request line of their own: "GET /uri HTTP/2.0" */

    before = (size_t) (uri.data - r->request_line.data);

    if (before > r->request_line.len) {
        before = r->method_name.len + 1;
    }

    if (before + uri.len > r->request_line.len) {
        return NGX_ERROR;
    }

    head = (size_t) (r->args.data - uri.data);
    tail = uri.len - head - r->args.len;

    if (args.len == 0 && head > 0) {
        head--;         /* the "?" */
    }

    line = ngx_pnalloc(r->pool, r->request_line.len + 1);
    if (line == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(line, r->request_line.data, before);

    r->unparsed_uri.data = p;
    r->unparsed_uri.len = head + args.len + tail;

    p = ngx_cpymem(p, uri.data, head);
    p = ngx_cpymem(p, args.data, args.len);

    r->args.data = p - args.len;
    r->args.len = args.len;

    p = ngx_cpymem(p, uri.data + uri.len - tail, tail);
    p = ngx_cpymem(p, r->request_line.data + before + uri.len,
                   r->request_line.len - before - uri.len);
    *p = '\0';

    r->request_line.data = line;
    r->request_line.len = p - line;

    return NGX_OK;
}


/*
 * A page that was opened with a token names it in the Referer of what it loads
 * next, and nginx writes that field to both logs.
 */

static ngx_int_t
ngx_http_tradesec_jwt_clean_referer(ngx_http_request_t *r,
    ngx_table_elt_t *h, const ngx_str_t *name)
{
    u_char      *buf, *args, *end;
    size_t       head;
    ts_slice_t   rest, value;

    end = h->value.data + h->value.len;
    args = ngx_strlchr(h->value.data, end, '?');

    if (args == NULL) {
        return NGX_OK;
    }

    head = (size_t) (++args - h->value.data);

    buf = ngx_pnalloc(r->pool, h->value.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    (void) ts_query_take(ts_slice(args, end - args),
                         ts_slice(name->data, name->len), buf + head, &rest,
                         &value);

    if (value.data == NULL) {
        return NGX_OK;
    }

    ngx_memcpy(buf, h->value.data, head);

    if (rest.len == 0) {
        head--;         /* the "?" */
    }

    h->value.data = buf;
    h->value.len = head + rest.len;
    buf[h->value.len] = '\0';

    return NGX_OK;
}


/* RFC 6455, section 4.1: the field may be split over lines; ours may not. */

static ngx_int_t
ngx_http_tradesec_jwt_take_subprotocol(ngx_http_request_t *r)
{
    u_char                         *buf;
    ts_slice_t                      rest, token;
    ngx_uint_t                      n;
    ngx_list_part_t                *part;
    ngx_table_elt_t                *h, *line;
    ts_bearer_result_e              rc;
    ngx_http_tradesec_jwt_found_t  *found;

    n = 0;
    line = NULL;

    ngx_http_tradesec_each_field(r, part, h) {
        if (h->key.len == sizeof("sec-websocket-protocol") - 1
            && ngx_memcmp(h->lowcase_key, "sec-websocket-protocol", h->key.len)
               == 0)
        {
            n++;
            line = h;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    found = ngx_http_tradesec_jwt_get_found(r);
    if (found == NULL) {
        return NGX_ERROR;
    }

    if (n > 1) {
        found->subprotocol.ambiguous = 1;
        return NGX_OK;
    }

    buf = ngx_pnalloc(r->pool, line->value.len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = ts_bearer_subprotocol(ts_slice(line->value.data, line->value.len),
                               buf, &rest, &token);

    if (token.data == NULL) {
        return NGX_OK;
    }

    found->subprotocol.ambiguous = (rc == TS_BEARER_AMBIGUOUS);
    found->subprotocol.token.data = (u_char *) token.data;
    found->subprotocol.token.len = token.len;

    buf[rest.len] = '\0';
    line->value.data = buf;
    line->value.len = rest.len;

    return NGX_OK;
}


void
ngx_http_tradesec_jwt_filter_init(ngx_conf_t *cf)
{
    const ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_jwt_module);

    if (jmcf->filter) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_tradesec_jwt_header_filter;
    }
}


/*
 * A browser that offered subprotocols fails the connection when none of them
 * is chosen (RFC 6455, section 4.1). The backend may not know "bearer".
 */

static ngx_int_t
ngx_http_tradesec_jwt_header_filter(ngx_http_request_t *r)
{
    ngx_list_part_t                      *part;
    ngx_table_elt_t                      *h;
    const ngx_http_tradesec_ctx_t        *ctx;
    const ngx_http_tradesec_jwt_state_t  *state;

    static const ngx_str_t  bearer = ngx_string("bearer");

    if (r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS
        || r != r->main)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_tradesec_find_ctx(r);
    state = ctx ? ctx->state[NGX_HTTP_TRADESEC_STATE_JWT] : NULL;

    if (state == NULL
        || state->found == NULL
        || state->found->subprotocol.token.data == NULL)
    {
        return ngx_http_next_header_filter(r);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        for (h = part->elts;
             h < (ngx_table_elt_t *) part->elts + part->nelts;
             h++)
        {
            if (h->hash != 0
                && h->key.len == sizeof("Sec-WebSocket-Protocol") - 1
                && ngx_strncasecmp(h->key.data,
                                   (u_char *) "Sec-WebSocket-Protocol",
                                   h->key.len) == 0)
            {
                return ngx_http_next_header_filter(r);
            }
        }
    }

    if (ngx_http_tradesec_set_response_field(r, "Sec-WebSocket-Protocol",
                                             &bearer)
        == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}
