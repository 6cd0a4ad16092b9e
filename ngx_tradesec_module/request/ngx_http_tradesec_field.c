/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_field.h"


ngx_str_t
ngx_http_tradesec_request_field(ngx_http_request_t *r,
    const char *lowcase_name)
{
    size_t            len;
    ngx_str_t         none;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(lowcase_name);

    ngx_http_tradesec_each_field(r, part, h) {
        if (h->key.len == len
            && ngx_memcmp(h->lowcase_key, lowcase_name, len) == 0)
        {
            return h->value;
        }
    }

    ngx_str_null(&none);

    return none;
}


void
ngx_http_tradesec_hide_request_field(ngx_table_elt_t *h)
{
    ngx_http_tradesec_withhold_request_field(h);
    ngx_str_null(&h->value);
}


void
ngx_http_tradesec_withhold_request_field(ngx_table_elt_t *h)
{
    static u_char  lowcase[] = "keep-alive";

    ngx_str_set(&h->key, "Keep-Alive");
    h->lowcase_key = lowcase;
    h->hash = ngx_hash_key(lowcase, sizeof(lowcase) - 1);
}


void
ngx_http_tradesec_hide_request_fields(ngx_http_request_t *r,
    const char *lowcase_name)
{
    size_t            len;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(lowcase_name);

    ngx_http_tradesec_each_field(r, part, h) {
        if (h->key.len == len
            && ngx_memcmp(h->lowcase_key, lowcase_name, len) == 0)
        {
            ngx_http_tradesec_hide_request_field(h);
        }
    }
}


void
ngx_http_tradesec_ignore_upgrade(ngx_http_request_t *r)
{
    if (r->headers_in.upgrade != NULL) {
        ngx_http_tradesec_hide_request_fields(r, "upgrade");
        r->headers_in.upgrade = NULL;
    }
}


ngx_table_elt_t *
ngx_http_tradesec_set_response_field(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash
                && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                h[i].value = *value;
                return &h[i];
            }
        }
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = len;
    h->value = *value;
    ngx_http_tradesec_header_unlink(h);

    return h;
}


void
ngx_http_tradesec_set_status(ngx_http_request_t *r, ngx_uint_t status)
{
    r->headers_out.status = status;
    ngx_str_null(&r->headers_out.status_line);

    if (status == 425) {
        ngx_str_set(&r->headers_out.status_line, "425 Too Early");

    } else if (status == 426) {
        ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");
    }
}
