/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_subject.h"


static ngx_int_t ngx_http_tradesec_login_argument(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_login_read_key(const ngx_str_t *text,
    ts_attempts_key_t *key);
static ngx_int_t ngx_http_tradesec_login_read_address(const ngx_str_t *text,
    ts_address_t *address);


ngx_int_t
ngx_http_tradesec_login_subject(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf,
    ngx_http_tradesec_login_subject_t *subject)
{
    uint64_t      tag;
    ngx_int_t     rc;
    ngx_str_t     value;
    ts_slice_t    account;
    ts_address_t  address;
    const u_char *key;

    ngx_memzero(subject, sizeof(ngx_http_tradesec_login_subject_t));

    key = *llcf->store->key;
    ngx_str_set(&subject->counter, "login");

    rc = ngx_http_tradesec_login_argument(r, "counter", &subject->counter);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    tag = ngx_http_tradesec_login_counter_tag(&subject->counter);

    rc = ngx_http_tradesec_login_argument(r, "account", &value);

    if (rc == NGX_OK) {

        if (ts_account_normalise(ts_slice(value.data, value.len),
                                 subject->folded, &account)
            != TS_ACCOUNT_OK)
        {
            return NGX_DECLINED;
        }

        ngx_http_tradesec_login_account_key(key, tag, account,
                                            &subject->account);
        ngx_http_tradesec_login_devices_key(key, tag, account,
                                            &subject->devices);
        subject->by_account = 1;

    } else if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_http_tradesec_login_argument(r, "address", &value);

    if (rc == NGX_OK) {

        if (ngx_http_tradesec_login_read_address(&value, &address) != NGX_OK) {
            return NGX_DECLINED;
        }

        subject->naddresses = ngx_http_tradesec_login_address_key(key, tag,
                                            &address, subject->addresses);
        subject->by_address = 1;

    } else if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_http_tradesec_login_argument(r, "key", &value);

    if (rc == NGX_OK) {
        subject->by_key = 1;

        return subject->by_account || subject->by_address ? NGX_DECLINED
               : ngx_http_tradesec_login_read_key(&value, &subject->key);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* NGX_DECLINED when it is not there; decoded. */

static ngx_int_t
ngx_http_tradesec_login_argument(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   raw;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, raw.len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);

    value->len = dst - value->data;
    *dst = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_login_read_key(const ngx_str_t *text,
    ts_attempts_key_t *key)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (text->len != 2 * sizeof(key->word)) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 2 * sizeof(key->word); i++) {
        n = ngx_hextoi(text->data + i, 1);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        key->word[i / 16] = key->word[i / 16] << 4 | (uint64_t) n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_login_read_address(const ngx_str_t *text,
    ts_address_t *address)
{
    in_addr_t  v4;

#if (NGX_HAVE_INET6)
    u_char     v6[16];
#endif

    v4 = ngx_inet_addr(text->data, text->len);

    if (v4 != INADDR_NONE) {
        *address = ts_address_v4((uint8_t *) &v4);
        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(text->data, text->len, v6) == NGX_OK) {
        *address = ts_address_v6(v6);
        return NGX_OK;
    }

#endif

    return NGX_DECLINED;
}
