/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_field.h"
#include "response/ngx_http_tradesec_outcome_body.h"


#define NGX_HTTP_TRADESEC_PARTIAL_CONTENT  206


static ngx_flag_t ngx_http_tradesec_answer_is_whole(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_outcome_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_tradesec_release_answer(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ngx_chain_t *rest, ngx_flag_t last);
static uint32_t ngx_http_tradesec_look_at_body(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e, uint32_t *shown);
static ngx_flag_t ngx_http_tradesec_look_for_pattern(void *pattern,
    ngx_str_t *body, ngx_flag_t *found);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_tradesec_ask_for_whole(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static const ngx_str_t  names[] = {
        ngx_string("accept-encoding"),
        ngx_string("range"),
        ngx_string("if-range"),
        ngx_string("if-match"),
        ngx_string("if-none-match"),
        ngx_string("if-modified-since"),
        ngx_string("if-unmodified-since")
    };

    ngx_http_tradesec_each_field(r, part, h) {

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

            if (h->key.len == names[i].len
                && ngx_memcmp(h->lowcase_key, names[i].data, names[i].len)
                   == 0)
            {
                /* nginx may still compress it for the client */

                ngx_http_tradesec_withhold_request_field(h);
                break;
            }
        }
    }
}


ngx_int_t
ngx_http_tradesec_hold_answer(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e)
{
    off_t                      length;
    ngx_http_tradesec_held_t  *held;

    length = r->headers_out.content_length_n;

    if (!ngx_http_tradesec_answer_is_whole(r)
        || length > NGX_HTTP_TRADESEC_OUTCOME_BODY)
    {
        return NGX_DECLINED;
    }

    held = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_held_t));
    if (held == NULL) {
        return NGX_DECLINED;
    }

    held->size = length == -1 ? NGX_HTTP_TRADESEC_OUTCOME_BODY
                              : (size_t) length;

    held->body = ngx_pnalloc(r->pool, held->size + 1);
    if (held->body == NULL) {
        return NGX_DECLINED;
    }

    e->held = held;
    r->filter_need_in_memory = 1;

    return NGX_OK;
}


/*
 * And neither compressed nor a part, which is not what criteria are written
 * for; nor a page of ours in its place, behind an upstream that was finalized.
 */

static ngx_flag_t
ngx_http_tradesec_answer_is_whole(ngx_http_request_t *r)
{
    ngx_uint_t            i;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->cleanup == NULL || u->upgrade || r->method == NGX_HTTP_HEAD
        || u->headers_in.status_n == NGX_HTTP_TRADESEC_PARTIAL_CONTENT
        || u->headers_in.status_n == NGX_HTTP_NOT_MODIFIED)
    {
        return 0;
    }

    for (part = &u->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("Content-Encoding") - 1
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "content-encoding", 16) == 0
                && (h[i].value.len != sizeof("identity") - 1
                    || ngx_strncasecmp(h[i].value.data,
                                       (u_char *) "identity", 8) != 0))
            {
                return 0;
            }
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_tradesec_outcome_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                            size;
    ngx_buf_t                        *b;
    ngx_chain_t                      *cl;
    const ngx_http_tradesec_ctx_t    *ctx;
    ngx_http_tradesec_held_t         *held;
    ngx_http_tradesec_expectation_t  *e;

    ctx = r == r->main ? ngx_http_tradesec_find_ctx(r) : NULL;
    e = ctx != NULL ? ctx->expectation : NULL;
    held = e != NULL ? e->held : NULL;

    if (held == NULL || held->released) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_special(b)) {
            size = (size_t) ngx_buf_size(b);

            if (!ngx_buf_in_memory(b) || size > held->size - held->len) {

                /* too long: a failure */

                return ngx_http_tradesec_release_answer(r, e, cl, 0);
            }

            ngx_memcpy(held->body + held->len, b->pos, size);
            held->len += size;
            b->pos = b->last;
        }

        if (b->last_buf) {
            held->complete = 1;
            held->seen = ngx_http_tradesec_look_at_body(r, e, &held->shown);

            return ngx_http_tradesec_release_answer(r, e, NULL, 1);
        }
    }

    return NGX_OK;
}


/* The headers, what was held of the body, and the rest of it. */

static ngx_int_t
ngx_http_tradesec_release_answer(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ngx_chain_t *rest, ngx_flag_t last)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t                out;
    ngx_http_tradesec_held_t  *held;

    held = e->held;
    held->released = 1;

    ngx_http_tradesec_settle_outcome(r, e);

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (held->len == 0 && !last) {
        return ngx_http_next_body_filter(r, rest);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = held->body;
    b->last = held->body + held->len;
    b->memory = held->len != 0;
    b->last_buf = last;
    b->last_in_chain = last;

    out.buf = b;
    out.next = rest;

    return ngx_http_next_body_filter(r, &out);
}


/* Returns 0 when it cannot be judged: it then counts as not seen. */

static uint32_t
ngx_http_tradesec_look_at_body(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e, uint32_t *shown)
{
    ngx_str_t         body;
    ngx_flag_t        found, json;
    ngx_uint_t        i;
    ts_outcome_t      outcome;
    ts_json_token_t  *tokens;

    body.data = e->held->body;
    body.len = e->held->len;

    outcome.criteria = e->criteria;
    outcome.shown = 0;
    json = 0;

    for (i = 0; i < e->criteria->nbodies; i++) {

        if (e->criteria->bodies[i].json) {
            json = 1;
            continue;
        }

        if (!ngx_http_tradesec_look_for_pattern(e->patterns[i], &body,
                                                &found))
        {
            return 0;
        }

        outcome.shown |= (uint32_t) found << i;
    }

    if (json) {
        tokens = ngx_palloc(r->pool,
                            TS_OUTCOME_JSON_TOKENS * sizeof(ts_json_token_t));

        if (tokens == NULL
            || !ts_outcome_json(&outcome, ts_slice(body.data, body.len),
                                tokens))
        {
            return 0;
        }
    }

    *shown = outcome.shown;

    return 1;
}


ngx_int_t
ngx_http_tradesec_answer_text(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e,
    const ts_json_pointer_t *pointer, ts_slice_t *value)
{
    u_char           *buf;
    ts_json_token_t  *tokens;

    if (e->held == NULL || !e->held->complete || e->held->len == 0) {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, e->held->len);
    tokens = ngx_palloc(r->pool,
                        TS_OUTCOME_JSON_TOKENS * sizeof(ts_json_token_t));

    if (buf == NULL || tokens == NULL) {
        return NGX_DECLINED;
    }

    return ts_outcome_text(ts_slice(e->held->body, e->held->len), pointer,
                           tokens, buf, value)
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_tradesec_answer_json(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e, ts_outcome_t *outcome)
{
    ts_json_token_t  *tokens;

    if (e->held == NULL || !e->held->complete || e->held->len == 0) {
        return NGX_DECLINED;
    }

    tokens = ngx_palloc(r->pool,
                        TS_OUTCOME_JSON_TOKENS * sizeof(ts_json_token_t));

    if (tokens == NULL
        || !ts_outcome_json(outcome, ts_slice(e->held->body, e->held->len),
                            tokens))
    {
        return NGX_DECLINED;
    }

    outcome->seen = 1;

    return NGX_OK;
}


/* Returns 0 when the search was given up; the pattern has a limit of it. */

static ngx_flag_t
ngx_http_tradesec_look_for_pattern(void *pattern, ngx_str_t *body,
    ngx_flag_t *found)
{
#if (NGX_PCRE)
    ngx_int_t  rc;

    rc = ngx_regex_exec(pattern, body, NULL, 0);

    *found = rc >= 0;

    return rc >= 0 || rc == NGX_REGEX_NO_MATCHED;
#else
    *found = 0;

    return 0;
#endif
}


void
ngx_http_tradesec_outcome_body_init(ngx_http_output_header_filter_pt next)
{
    ngx_http_next_header_filter = next;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_tradesec_outcome_body_filter;
}
