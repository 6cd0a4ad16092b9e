/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The filter of security headers: each goes out exactly once, the backend's
 * own value replaced, kept or merged.
 *
 * It runs behind add_header, gzip and range and right in front of the
 * serialisers, so it sees what really goes out.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_csp.h"
#include "core/ts_header.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_response.h"


/* More policies of the backend than these are not merged: ours replaces. */

#define NGX_HTTP_TRADESEC_MERGE_MAX  8


/* The lines of one header in the response: the first one, and their number. */

typedef struct {
    ngx_table_elt_t  *first;
    ngx_uint_t        n;
} ngx_http_tradesec_header_lines_t;


static ngx_int_t ngx_http_tradesec_header_filter(ngx_http_request_t *r);
static uint32_t ngx_http_tradesec_find_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy,
    ngx_http_tradesec_header_lines_t *lines);
static ngx_flag_t ngx_http_tradesec_add_fixed_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy);
static ngx_int_t ngx_http_tradesec_set_headers(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy, ngx_uint_t i,
    uint32_t found, const ngx_http_tradesec_header_lines_t *lines);
static ngx_flag_t ngx_http_tradesec_header_applies(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header);
static ngx_int_t ngx_http_tradesec_set_header(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header,
    const ngx_http_tradesec_header_lines_t *lines);
static ngx_int_t ngx_http_tradesec_merge_header(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header, ngx_str_t *value);
static void ngx_http_tradesec_drop_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header, const ngx_table_elt_t *keep);
static ngx_flag_t ngx_http_tradesec_is_line_of(const ngx_table_elt_t *h,
    const ngx_http_tradesec_header_t *header);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/*
 * Stands in headers_out.server without being in the list of headers: nginx
 * then writes no Server of its own.
 */

static ngx_table_elt_t  ngx_http_tradesec_no_server;


void
ngx_http_tradesec_headers_install(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tradesec_header_filter;
}


static ngx_int_t
ngx_http_tradesec_header_filter(ngx_http_request_t *r)
{
    uint32_t                                   found;
    ngx_uint_t                                 fixed;
    const ngx_http_tradesec_header_policy_t   *policy;
    const ngx_http_tradesec_response_conf_t   *rcf;
    ngx_http_tradesec_header_lines_t
        lines[NGX_HTTP_TRADESEC_HEADERS_MAX];

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_response_module);
    policy = rcf->headers.policy;

    if (policy == NULL) {
        return ngx_http_next_header_filter(r);
    }

    found = ngx_http_tradesec_find_lines(r, policy, lines);

    fixed = 0;

    if (found == 0 && ngx_http_tradesec_add_fixed_lines(r, policy)) {
        fixed = policy->nfixed;
    }

    if (ngx_http_tradesec_set_headers(r, policy, fixed, found, lines)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (policy->hide_server && r->headers_out.server == NULL) {
        r->headers_out.server = &ngx_http_tradesec_no_server;
    }

    return ngx_http_next_header_filter(r);
}


/* Returns a bit for each header that is there; the others' lines are unset. */

static uint32_t
ngx_http_tradesec_find_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy,
    ngx_http_tradesec_header_lines_t *lines)
{
    uint32_t          found;
    ngx_uint_t        i, k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (k = 0; k < part->nelts; k++, h++) {

            if (h->hash == 0
                || !((policy->lengths >> (h->key.len & 63)) & 1))
            {
                continue;
            }

            for (i = 0; i < policy->n; i++) {
                if (!ngx_http_tradesec_is_line_of(h, &policy->headers[i])) {
                    continue;
                }

                if (!(found & ((uint32_t) 1 << i))) {
                    found |= (uint32_t) 1 << i;
                    lines[i].first = h;
                    lines[i].n = 0;
                }

                lines[i].n++;
                break;
            }
        }
    }

    return found;
}


/* All at once, where the response has none of ours and the list has room. */

static ngx_flag_t
ngx_http_tradesec_add_fixed_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy)
{
    ngx_list_t       *list;
    ngx_table_elt_t  *h;

    list = &r->headers_out.headers;

    if (list->nalloc - list->last->nelts < policy->nfixed) {
        return 0;
    }

    h = list->last->elts;

    ngx_memcpy(h + list->last->nelts, policy->fixed,
               policy->nfixed * sizeof(ngx_table_elt_t));

    list->last->nelts += policy->nfixed;

    return 1;
}


/* From header i on; what is removed comes last, and may not be there. */

static ngx_int_t
ngx_http_tradesec_set_headers(ngx_http_request_t *r,
    const ngx_http_tradesec_header_policy_t *policy, ngx_uint_t i,
    uint32_t found, const ngx_http_tradesec_header_lines_t *lines)
{
    ngx_uint_t                               n;
    const ngx_http_tradesec_header_t        *header;
    const ngx_http_tradesec_header_lines_t  *here;

    static const ngx_http_tradesec_header_lines_t  none;

    n = found ? policy->n : policy->nset;

    for ( /* void */ ; i < n; i++) {
        header = &policy->headers[i];
        here = (found >> i) & 1 ? &lines[i] : &none;

        if (!ngx_http_tradesec_header_applies(r, header)) {

            if (here->n) {
                ngx_http_tradesec_drop_lines(r, header, NULL);
            }

            continue;
        }

        if (ngx_http_tradesec_set_header(r, header, here) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_flag_t
ngx_http_tradesec_header_applies(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header)
{
    return header->mode != NGX_HTTP_TRADESEC_HEADER_REMOVE
           && (!header->tls_only || ngx_http_tradesec_is_https(r));
}


static ngx_int_t
ngx_http_tradesec_set_header(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header,
    const ngx_http_tradesec_header_lines_t *lines)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    h = lines->first;

    if (h != NULL && h->value.len
        && header->mode == NGX_HTTP_TRADESEC_HEADER_KEEP)
    {
        if (lines->n > 1) {
            ngx_http_tradesec_drop_lines(r, header, h);
        }

        return NGX_OK;
    }

    value = header->value;

    if (header->variable != NULL) {

        if (ngx_http_complex_value(r, header->variable, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        /* $uri is decoded: a line break in it would begin another header */

        if (!ts_header_value_valid(ts_slice(value.data, value.len))) {
            ngx_str_null(&value);
        }
    }

    if (h != NULL && header->mode == NGX_HTTP_TRADESEC_HEADER_MERGE
        && ngx_http_tradesec_merge_header(r, header, &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        /* as with add_header, an empty value is no header */
        if (lines->n) {
            ngx_http_tradesec_drop_lines(r, header, NULL);
        }

        return NGX_OK;
    }

    if (h == NULL) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_http_tradesec_header_unlink(h);

    } else if (lines->n > 1) {
        ngx_http_tradesec_drop_lines(r, header, h);
    }

    h->hash = 1;
    h->key = header->name;
    h->value = value;

    return NGX_OK;
}


/* Replaces our value by the backend's values and what of ours they lack. */

static ngx_int_t
ngx_http_tradesec_merge_header(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header, ngx_str_t *value)
{
    u_char           *p;
    size_t            n, len;
    ngx_uint_t        k;
    ts_slice_t        backend[NGX_HTTP_TRADESEC_MERGE_MAX];
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    len = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (k = 0; k < part->nelts; k++) {

            if (h[k].hash == 0 || !ngx_http_tradesec_is_line_of(&h[k], header))
            {
                continue;
            }

            if (n == NGX_HTTP_TRADESEC_MERGE_MAX) {
                ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                              "tradesec: more than %d \"%V\" headers from the "
                              "backend, replaced instead of merged",
                              NGX_HTTP_TRADESEC_MERGE_MAX, &header->name);
                return NGX_OK;
            }

            backend[n++] = ts_slice(h[k].value.data, h[k].value.len);
            len += h[k].value.len;
        }
    }

    p = ngx_pnalloc(r->pool, ts_csp_merge_max(value->len, n, len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->len = ts_csp_merge(p, ts_slice(value->data, value->len), backend,
                              n);
    value->data = p;

    return NGX_OK;
}


static void
ngx_http_tradesec_drop_lines(ngx_http_request_t *r,
    const ngx_http_tradesec_header_t *header, const ngx_table_elt_t *keep)
{
    ngx_uint_t        k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (k = 0; k < part->nelts; k++) {
            if (&h[k] != keep && ngx_http_tradesec_is_line_of(&h[k], header)) {
                h[k].hash = 0;
            }
        }
    }
}


static ngx_flag_t
ngx_http_tradesec_is_line_of(const ngx_table_elt_t *h,
    const ngx_http_tradesec_header_t *header)
{
    return h->key.len == header->name.len
           && ngx_strncasecmp(h->key.data, header->name.data, h->key.len) == 0;
}
