/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For operators: lists, looks up and clears what the login guard has counted
 * (tradesec_login_locks). Who may do that is up to the location.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_login_subject.h"
#include "request/ngx_http_tradesec_field.h"


#define NGX_HTTP_TRADESEC_LOGIN_LISTED  256     /* locks in one answer */

/* the longest line of an answer, and what stands around them */

#define NGX_HTTP_TRADESEC_LOGIN_LINE    160
#define NGX_HTTP_TRADESEC_LOGIN_FRAME   128


static ngx_int_t ngx_http_tradesec_login_operate(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_login_list(ngx_http_request_t *r,
    ngx_http_tradesec_attempts_store_t *store);
static ngx_int_t ngx_http_tradesec_login_show(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf,
    const ngx_http_tradesec_login_subject_t *subject);
static ngx_int_t ngx_http_tradesec_login_clear(ngx_http_request_t *r,
    ngx_http_tradesec_attempts_store_t *store,
    const ngx_http_tradesec_login_subject_t *subject);
static u_char *ngx_http_tradesec_login_put_key(u_char *p,
    const ts_attempts_key_t *key);
static u_char *ngx_http_tradesec_login_put_seconds(u_char *p,
    uint32_t seconds);
static ngx_int_t ngx_http_tradesec_login_answer(ngx_http_request_t *r,
    ngx_uint_t status, ngx_buf_t *b);
static ngx_int_t ngx_http_tradesec_login_complain(ngx_http_request_t *r,
    ngx_uint_t status, const char *what);


char *
ngx_http_tradesec_login_locks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (llcf->operate) {
        return "is duplicate";
    }

    llcf->operate = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tradesec_login_operate;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_login_operate(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_attempts_store_t    *store;
    ngx_http_tradesec_login_subject_t      subject;
    const ngx_http_tradesec_login_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_login_module);
    store = llcf->store;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (store->list == NULL) {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_NOT_IMPLEMENTED,
                   "locks are not kept here");
    }

    rc = ngx_http_tradesec_login_subject(r, llcf, &subject);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST,
                   "write ?account=, ?address=, both, or ?key=");
    }

    if (subject.by_account || subject.by_address || subject.by_key) {
        return r->method == NGX_HTTP_DELETE
               ? ngx_http_tradesec_login_clear(r, store, &subject)
               : ngx_http_tradesec_login_show(r, llcf, &subject);
    }

    if (r->method == NGX_HTTP_DELETE) {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST,
                   "write ?account=, ?address=, both, or ?key=");
    }

    return ngx_http_tradesec_login_list(r, store);
}


static ngx_int_t
ngx_http_tradesec_login_list(ngx_http_request_t *r,
    ngx_http_tradesec_attempts_store_t *store)
{
    u_char              *p;
    uint32_t             cursor;
    ngx_int_t            n;
    ngx_buf_t           *b;
    ngx_str_t            value;
    ngx_uint_t           i, found;
    ts_attempts_lock_t  *locks;

    cursor = 0;

    if (ngx_http_arg(r, (u_char *) "cursor", 6, &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n > INT32_MAX) {
            return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST,
                       "the cursor is what \"next\" was");
        }

        cursor = (uint32_t) n;
    }

    locks = ngx_palloc(r->pool, NGX_HTTP_TRADESEC_LOGIN_LISTED
                                * sizeof(ts_attempts_lock_t));

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME
                     + NGX_HTTP_TRADESEC_LOGIN_LISTED
                       * NGX_HTTP_TRADESEC_LOGIN_LINE);

    if (locks == NULL || b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    found = 0;

    do {
        found += store->list(store, &cursor, locks + found,
                             NGX_HTTP_TRADESEC_LOGIN_LISTED - found);
    } while (cursor != 0 && found < NGX_HTTP_TRADESEC_LOGIN_LISTED);

    p = ngx_sprintf(b->last, "{\"locks\":[");

    for (i = 0; i < found; i++) {
        p = ngx_sprintf(p, "%s\n{\"key\":\"", i ? "," : "");
        p = ngx_http_tradesec_login_put_key(p, &locks[i].key);
        p = ngx_sprintf(p, "\",\"seconds\":");
        p = ngx_http_tradesec_login_put_seconds(p, locks[i].until);
        p = ngx_sprintf(p, ",\"level\":%uD}", locks[i].level);
    }

    p = ngx_sprintf(p, "],\"next\":");
    p = cursor ? ngx_sprintf(p, "%uD}\n", cursor)
               : ngx_sprintf(p, "null}\n");

    b->last = p;

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


static ngx_int_t
ngx_http_tradesec_login_show(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf,
    const ngx_http_tradesec_login_subject_t *subject)
{
    u_char                     *p;
    ngx_buf_t                  *b;
    ngx_uint_t                  i, any;
    ts_attempts_view_t          view;
    const ts_attempts_key_t    *key;

    static const char *const  names[NGX_HTTP_TRADESEC_LOGIN_COUNTERS] = {
        "pair", "account", "address", "prefix56", "prefix48"
    };

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME
                     + NGX_HTTP_TRADESEC_LOGIN_COUNTERS
                       * NGX_HTTP_TRADESEC_LOGIN_LINE);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(b->last, "{");

    for (i = 0, any = 0; i < NGX_HTTP_TRADESEC_LOGIN_COUNTERS; i++) {

        key = &subject->keys[i];

        if (subject->by_key) {
            key = i == 0 ? &subject->key : NULL;

        } else if (i == NGX_HTTP_TRADESEC_LOGIN_PAIR) {
            key = subject->by_account && subject->by_address ? key : NULL;

        } else if (i == NGX_HTTP_TRADESEC_LOGIN_ACCOUNT) {
            key = subject->by_account ? key : NULL;

        } else if (i >= NGX_HTTP_TRADESEC_LOGIN_ADDRESS + subject->addresses) {
            key = NULL;
        }

        if (key == NULL) {
            continue;
        }

        llcf->store->look(llcf->store, key, (uint32_t) llcf->window, &view);

        p = ngx_sprintf(p, "%s\n\"%s\":{\"key\":\"", any++ ? "," : "",
                        subject->by_key ? "counter" : names[i]);
        p = ngx_http_tradesec_login_put_key(p, key);
        p = ngx_sprintf(p, "\",\"locked\":%s,\"seconds\":",
                        view.locked ? "true" : "false");
        p = ngx_http_tradesec_login_put_seconds(p, view.locked);
        p = ngx_sprintf(p, ",\"level\":%uD,\"failed\":%uD,\"neutral\":%uD,"
                        "\"in_flight\":%uD}", view.level, view.failed,
                        view.neutral, view.in_flight);
    }

    b->last = ngx_sprintf(p, "}\n");

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


/* Of both account and address the pair, of one all that it is a part of. */

static ngx_int_t
ngx_http_tradesec_login_clear(ngx_http_request_t *r,
    ngx_http_tradesec_attempts_store_t *store,
    const ngx_http_tradesec_login_subject_t *subject)
{
    u_char                    hex[2 * sizeof(ts_attempts_key_t) + 1];
    ngx_buf_t                *b;
    ngx_uint_t                i, n;
    const ts_attempts_key_t  *key;

    if (subject->by_key) {
        key = &subject->key;
        n = store->clear(store, key);

    } else if (subject->by_account && subject->by_address) {
        key = &subject->keys[NGX_HTTP_TRADESEC_LOGIN_PAIR];
        n = store->clear(store, key);

    } else if (subject->by_account) {

        /* the counter last: it is what its pairs are known by */

        key = &subject->keys[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT];
        n = store->clear_pairs(store, key);
        n += store->clear(store, key);

    } else {
        key = &subject->keys[NGX_HTTP_TRADESEC_LOGIN_ADDRESS];
        n = store->clear_pairs(store, key);

        for (i = 0; i < subject->addresses; i++) {
            n += store->clear(store, key + i);
        }
    }

    *ngx_http_tradesec_login_put_key(hex, key) = '\0';

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "tradesec: login unlocked by an operator, locks: %ui, "
                  "counter: \"%V\", by: %s, key: %s", n, &subject->counter,
                  subject->by_key ? "key"
                  : !subject->by_address ? "account"
                  : !subject->by_account ? "address" : "pair", hex);

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"unlocked\":%ui}\n", n);

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


static u_char *
ngx_http_tradesec_login_put_key(u_char *p, const ts_attempts_key_t *key)
{
    return ngx_sprintf(p, "%016xL%016xL", key->word[0], key->word[1]);
}


/* null is for ever. */

static u_char *
ngx_http_tradesec_login_put_seconds(u_char *p, uint32_t seconds)
{
    return seconds == TS_ATTEMPTS_FOREVER ? ngx_sprintf(p, "null")
                                          : ngx_sprintf(p, "%uD", seconds);
}


static ngx_int_t
ngx_http_tradesec_login_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    static const ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_http_tradesec_set_response_field(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_tradesec_login_complain(ngx_http_request_t *r, ngx_uint_t status,
    const char *what)
{
    ngx_buf_t  *b;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"error\":\"%s\"}\n", what);

    return ngx_http_tradesec_login_answer(r, status, b);
}
