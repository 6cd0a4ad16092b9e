/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For operators: lists, looks up and clears what the login guard has counted
 * (tradesec_login_locks). Who may do that is up to the location.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_subject.h"
#include "request/ngx_http_tradesec_field.h"


#define NGX_HTTP_TRADESEC_LOGIN_LISTED  256     /* locks in one answer */

/* the longest line of an answer, and what stands around them */

#define NGX_HTTP_TRADESEC_LOGIN_LINE    192
#define NGX_HTTP_TRADESEC_LOGIN_FRAME   128


/* A question and whose it is. */

typedef struct {
    ngx_http_tradesec_inquiry_t          inquiry;
    ngx_http_tradesec_attempts_store_t  *store;
    ngx_http_tradesec_login_subject_t    subject;
    const char                          *names[TS_ATTEMPTS_KEYS];
} ngx_http_tradesec_login_question_t;


static ngx_int_t ngx_http_tradesec_login_cursor(ngx_http_request_t *r,
    uint64_t *cursor);
static void ngx_http_tradesec_login_question(
    ngx_http_tradesec_login_question_t *q, ngx_flag_t clear);
static ngx_int_t ngx_http_tradesec_login_wait(ngx_http_request_t *r,
    ngx_http_tradesec_login_question_t *q);
static void ngx_http_tradesec_login_heard(
    ngx_http_tradesec_inquiry_t *inquiry);
static void ngx_http_tradesec_login_go_on(ngx_http_request_t *r);
static void ngx_http_tradesec_login_dismiss(void *data);
static ngx_int_t ngx_http_tradesec_login_reply(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q);
static ngx_int_t ngx_http_tradesec_login_list(ngx_http_request_t *r,
    const ngx_http_tradesec_inquiry_t *inquiry);
static ngx_int_t ngx_http_tradesec_login_show(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q);
static ngx_int_t ngx_http_tradesec_login_clear(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q);
static const char *ngx_http_tradesec_login_home(
    const ngx_http_tradesec_inquiry_t *inquiry);
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


ngx_int_t
ngx_http_tradesec_login_operate(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_login_question_t    *q;
    const ngx_http_tradesec_login_conf_t  *llcf;

    static const char  who[] = "write ?account=, ?address=, both, or ?key=";

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_login_module);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE))
        || r != r->main)
    {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    q = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_login_question_t));
    if (q == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_tradesec_login_subject(r, llcf, &q->subject);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST, who);
    }

    q->store = llcf->store;
    q->inquiry.window = (uint32_t) llcf->window;
    q->inquiry.enough = NGX_HTTP_TRADESEC_LOGIN_LISTED;
    q->inquiry.pool = r->pool;
    q->inquiry.handler = ngx_http_tradesec_login_heard;
    q->inquiry.data = r;

    if (q->subject.by_account || q->subject.by_address || q->subject.by_key) {
        ngx_http_tradesec_login_question(q, r->method == NGX_HTTP_DELETE);

    } else if (r->method == NGX_HTTP_DELETE) {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST, who);

    } else if (ngx_http_tradesec_login_cursor(r, &q->inquiry.cursor)
               != NGX_OK)
    {
        return ngx_http_tradesec_login_complain(r, NGX_HTTP_BAD_REQUEST,
                   "the cursor is what next was");
    }

    return q->store->operate(q->store, &q->inquiry) == NGX_AGAIN
           ? ngx_http_tradesec_login_wait(r, q)
           : ngx_http_tradesec_login_reply(r, q);
}


static ngx_int_t
ngx_http_tradesec_login_cursor(ngx_http_request_t *r, uint64_t *cursor)
{
    off_t      n;
    ngx_str_t  value;

    *cursor = 0;

    if (ngx_http_arg(r, (u_char *) "cursor", 6, &value) != NGX_OK) {
        return NGX_OK;
    }

    n = ngx_atoof(value.data, value.len);
    *cursor = (uint64_t) n;

    return n == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* Of both account and address the pair, of one all that it is a part of. */

static void
ngx_http_tradesec_login_question(ngx_http_tradesec_login_question_t *q,
    ngx_flag_t clear)
{
    ngx_uint_t                          i, n;
    ngx_http_tradesec_inquiry_t        *inquiry;
    ngx_http_tradesec_login_subject_t  *subject;

    static const char *const  networks[NGX_HTTP_TRADESEC_LOGIN_NETWORKS] = {
        "address", "prefix56", "prefix48"
    };

    inquiry = &q->inquiry;
    subject = &q->subject;

    inquiry->what = clear ? NGX_HTTP_TRADESEC_INQUIRY_CLEAR
                          : NGX_HTTP_TRADESEC_INQUIRY_LOOK;

    if (subject->by_key) {
        q->names[0] = "counter";
        inquiry->keys[inquiry->n++] = subject->key;
        return;
    }

    inquiry->part = ts_attempts_pairs_of(
                           subject->by_account ? &subject->account : NULL,
                           subject->by_address ? subject->addresses : NULL);

    if (subject->by_account && subject->by_address) {
        q->names[inquiry->n] = "pair";
        inquiry->keys[inquiry->n++] = ts_attempts_pair(&subject->account,
                                                       subject->addresses);
        if (clear) {
            return;
        }
    }

    if (subject->by_account) {
        q->names[inquiry->n] = "account";
        inquiry->keys[inquiry->n++] = subject->account;

        if (clear || !subject->by_address) {
            q->names[inquiry->n] = "devices";
            inquiry->keys[inquiry->n++] = subject->devices;
        }
    }

    n = ngx_min(subject->naddresses, NGX_HTTP_TRADESEC_LOGIN_NETWORKS);

    for (i = 0; i < n; i++) {
        q->names[inquiry->n] = networks[i];
        inquiry->keys[inquiry->n++] = subject->addresses[i];
    }
}


static ngx_int_t
ngx_http_tradesec_login_wait(ngx_http_request_t *r,
    ngx_http_tradesec_login_question_t *q)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL
        || ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
    {
        ngx_http_tradesec_login_dismiss(q);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_tradesec_login_dismiss;
    cln->data = q;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;

    return NGX_DONE;
}


/* Called from within the home: the request goes on with its next event. */

static void
ngx_http_tradesec_login_heard(ngx_http_tradesec_inquiry_t *inquiry)
{
    ngx_http_request_t  *r = inquiry->data;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_tradesec_login_go_on;

    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_tradesec_login_go_on(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    for (cln = r->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_tradesec_login_dismiss) {
            break;
        }
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, cln ? ngx_http_tradesec_login_reply(r,
                                                                     cln->data)
                                     : NGX_HTTP_INTERNAL_SERVER_ERROR);
}


static void
ngx_http_tradesec_login_dismiss(void *data)
{
    ngx_http_tradesec_login_question_t  *q = data;

    if (q->inquiry.pending != NULL) {
        q->store->dismiss(q->store, &q->inquiry);
    }
}


static ngx_int_t
ngx_http_tradesec_login_reply(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q)
{
    if (q->inquiry.rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (q->inquiry.what) {

    case NGX_HTTP_TRADESEC_INQUIRY_LIST:
        return ngx_http_tradesec_login_list(r, &q->inquiry);

    case NGX_HTTP_TRADESEC_INQUIRY_LOOK:
        return ngx_http_tradesec_login_show(r, q);

    default: /* NGX_HTTP_TRADESEC_INQUIRY_CLEAR */
        return ngx_http_tradesec_login_clear(r, q);
    }
}


static ngx_int_t
ngx_http_tradesec_login_list(ngx_http_request_t *r,
    const ngx_http_tradesec_inquiry_t *inquiry)
{
    u_char                    *p;
    ngx_buf_t                 *b;
    ngx_uint_t                 i;
    const ts_attempts_lock_t  *locks;

    locks = inquiry->locks.elts;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME
                     + inquiry->locks.nelts * NGX_HTTP_TRADESEC_LOGIN_LINE);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(b->last, "{\"locks\":[");

    for (i = 0; i < inquiry->locks.nelts; i++) {
        p = ngx_sprintf(p, "%s\n{\"key\":\"", i ? "," : "");
        p = ngx_http_tradesec_login_put_key(p, &locks[i].key);
        p = ngx_sprintf(p, "\",\"seconds\":");
        p = ngx_http_tradesec_login_put_seconds(p, locks[i].until);
        p = ngx_sprintf(p, ",\"level\":%uD}", locks[i].level);
    }

    p = ngx_sprintf(p, "],\"store\":\"%s\",\"next\":",
                    ngx_http_tradesec_login_home(inquiry));
    p = inquiry->cursor ? ngx_sprintf(p, "%uL}\n", inquiry->cursor)
                        : ngx_sprintf(p, "null}\n");

    b->last = p;

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


static ngx_int_t
ngx_http_tradesec_login_show(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q)
{
    u_char                    *p;
    ngx_buf_t                 *b;
    ngx_uint_t                 i;
    const ts_attempts_view_t  *view;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME
                     + q->inquiry.n * NGX_HTTP_TRADESEC_LOGIN_LINE);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(b->last, "{");

    for (i = 0; i < q->inquiry.n; i++) {
        view = &q->inquiry.views[i];

        p = ngx_sprintf(p, "\n\"%s\":{\"key\":\"", q->names[i]);
        p = ngx_http_tradesec_login_put_key(p, &q->inquiry.keys[i]);
        p = ngx_sprintf(p, "\",\"locked\":%s,\"seconds\":",
                        view->locked ? "true" : "false");
        p = ngx_http_tradesec_login_put_seconds(p, view->locked);
        p = ngx_sprintf(p, ",\"level\":%uD,\"failed\":%uD,\"neutral\":%uD,"
                        "\"in_flight\":%uD},", view->level, view->failed,
                        view->neutral, view->in_flight);
    }

    b->last = ngx_sprintf(p, "\n\"store\":\"%s\"}\n",
                          ngx_http_tradesec_login_home(&q->inquiry));

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


static ngx_int_t
ngx_http_tradesec_login_clear(ngx_http_request_t *r,
    const ngx_http_tradesec_login_question_t *q)
{
    u_char                                    hex[
                                       2 * sizeof(ts_attempts_key_t) + 1];
    ngx_buf_t                                *b;
    const char                               *home;
    const ngx_http_tradesec_login_subject_t  *subject;

    subject = &q->subject;
    home = ngx_http_tradesec_login_home(&q->inquiry);

    *ngx_http_tradesec_login_put_key(hex, &q->inquiry.keys[0]) = '\0';

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "tradesec: login unlocked by an operator, locks: %ui, "
                  "counter: \"%V\", by: %s, key: %s, store: %s",
                  q->inquiry.cleared, &subject->counter,
                  subject->by_key ? "key"
                  : !subject->by_address ? "account"
                  : !subject->by_account ? "address" : "pair", hex, home);

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_FRAME);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last, "{\"unlocked\":%ui,\"store\":\"%s\"}\n",
                          q->inquiry.cleared, home);

    return ngx_http_tradesec_login_answer(r, NGX_HTTP_OK, b);
}


static const char *
ngx_http_tradesec_login_home(const ngx_http_tradesec_inquiry_t *inquiry)
{
    return inquiry->home == NGX_HTTP_TRADESEC_HOME_REDIS ? "redis" : "local";
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
