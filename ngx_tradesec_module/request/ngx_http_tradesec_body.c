/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_field.h"


static void ngx_http_tradesec_body_handler(ngx_http_request_t *r);
static void ngx_http_tradesec_discard_body(ngx_http_request_t *r);


ngx_int_t
ngx_http_tradesec_read_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, size_t max, ngx_str_t *body)
{
    ngx_int_t  rc;

    if (ctx->body == NGX_HTTP_TRADESEC_BODY_READ) {
        return ngx_http_tradesec_collect_body(r, max, body);
    }

    if (r->headers_in.content_length_n > (off_t) max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    /* the handler must tell whether it is called before we return */

    ctx->body = NGX_HTTP_TRADESEC_BODY_UNREAD;

    rc = ngx_http_read_client_request_body(r, ngx_http_tradesec_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    /* reading has taken a reference, which the waiting gate does not need */

    r->main->count--;

    if (ctx->body == NGX_HTTP_TRADESEC_BODY_READ) {
        return ngx_http_tradesec_collect_body(r, max, body);
    }

    ctx->body = NGX_HTTP_TRADESEC_BODY_READING;

    return NGX_AGAIN;
}


static void
ngx_http_tradesec_body_handler(ngx_http_request_t *r)
{
    ngx_uint_t                reading;
    ngx_http_tradesec_ctx_t  *ctx;

    /* the one that asked for the body */
    ctx = ngx_http_tradesec_get_ctx(r);

    reading = ctx->body == NGX_HTTP_TRADESEC_BODY_READING;

    ctx->body = NGX_HTTP_TRADESEC_BODY_READ;

    /* a redirect after the answer may lead to a guard that reads it again */

    r->preserve_body = 1;

    if (reading) {
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
    }
}


ngx_int_t
ngx_http_tradesec_collect_body(ngx_http_request_t *r, size_t max,
    ngx_str_t *body)
{
    off_t         len;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *buf;
    ngx_chain_t  *cl, *bufs;

    ngx_str_null(body);

    bufs = r->request_body ? r->request_body->bufs : NULL;
    len = 0;

    for (cl = bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);

        if (len > (off_t) max) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }

    if (len == 0) {
        return NGX_OK;
    }

    if (bufs->next == NULL && ngx_buf_in_memory(bufs->buf)) {
        body->data = bufs->buf->pos;
        body->len = (size_t) len;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, (size_t) len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = (size_t) len;

    for (cl = bufs; cl; cl = cl->next) {
        buf = cl->buf;

        if (ngx_buf_in_memory(buf)) {
            p = ngx_cpymem(p, buf->pos, buf->last - buf->pos);
            continue;
        }

        len = ngx_buf_size(buf);

        if (len == 0) {
            /* the mark of the end, behind a chunked body */
            continue;
        }

        n = ngx_read_file(buf->file, p, (size_t) len, buf->file_pos);

        if (n != (ssize_t) len) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_drop_body(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    ngx_http_request_body_t  *empty;

    static const char *const  names[] = {
        "content-length", "content-type", "content-encoding",
        "transfer-encoding", "expect"
    };

    empty = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (empty == NULL) {
        return NGX_ERROR;
    }

    if (r->request_body == NULL) {
        ngx_http_tradesec_discard_body(r);
    }

    r->request_body = empty;
    r->request_body_no_buffering = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ngx_http_tradesec_hide_request_fields(r, names[i]);
    }

    r->headers_in.content_length = NULL;
    r->headers_in.content_type = NULL;
    r->headers_in.transfer_encoding = NULL;
    r->headers_in.expect = NULL;
    r->headers_in.content_length_n = -1;
    r->headers_in.chunked = 0;

    return NGX_OK;
}


/*
 * nginx goes on discarding what has not come yet, and counts in the header what
 * is left of it, where a backend would read that a body follows. So that part
 * is left to the close of the connection.
 */

static void
ngx_http_tradesec_discard_body(ngx_http_request_t *r)
{
    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    if (r->discard_body) {
        r->discard_body = 0;
        r->main->count--;
        r->read_event_handler = ngx_http_block_reading;

        r->keepalive = 0;
        r->lingering_close = 1;
    }
}


void
ngx_http_tradesec_body_fields(ngx_http_request_t *r,
    ngx_http_tradesec_body_fields_t *fields)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(fields, sizeof(ngx_http_tradesec_body_fields_t));

    ngx_http_tradesec_each_field(r, part, h) {

        switch (h->key.len) {

        case sizeof("content-type") - 1:
            if (h == r->headers_in.content_type
                || ngx_memcmp(h->lowcase_key, "content-type", 12) == 0)
            {
                fields->content_type = h->value;
                fields->content_types++;
            }

            break;

        case sizeof("content-encoding") - 1:
            if (ngx_memcmp(h->lowcase_key, "content-encoding", 16) == 0
                && (h->value.len != sizeof("identity") - 1
                    || ngx_strncasecmp(h->value.data, (u_char *) "identity",
                                       8)
                       != 0))
            {
                fields->encoded = 1;
            }

            break;
        }
    }
}
