/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The operators' location: shows the list of revocations, revokes, freezes.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_form.h"
#include "guard/jwt/ngx_http_tradesec_jwt_provider.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/ngx_http_tradesec_operators.h"
#include "guard/revocation/ngx_http_tradesec_revoke_conf.h"
#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "store/ngx_http_tradesec_revocations_store.h"


#define NGX_HTTP_TRADESEC_REVOCATIONS_BODY   8192
#define NGX_HTTP_TRADESEC_REVOCATIONS_VALUE  1024
#define NGX_HTTP_TRADESEC_REVOCATIONS_JSON   256


typedef enum {
    NGX_HTTP_TRADESEC_ORDER_JTI = 0,
    NGX_HTTP_TRADESEC_ORDER_SESSION,
    NGX_HTTP_TRADESEC_ORDER_USER,
    NGX_HTTP_TRADESEC_ORDER_ALL,
    NGX_HTTP_TRADESEC_ORDER_FREEZE,
    NGX_HTTP_TRADESEC_ORDER_PROVIDER,
    NGX_HTTP_TRADESEC_ORDER_N
} ngx_http_tradesec_order_e;


typedef struct {
    ts_slice_t    value;        /* data is NULL: not there */
    u_char        buf[NGX_HTTP_TRADESEC_REVOCATIONS_VALUE];
} ngx_http_tradesec_order_t;


static ngx_int_t ngx_http_tradesec_revocations_handler(ngx_http_request_t *r);
static void ngx_http_tradesec_revocations_post(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_revocations_order(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_revocations_read(ngx_str_t *body,
    ngx_http_tradesec_order_t *orders);
static ngx_int_t ngx_http_tradesec_revocations_carry_out(
    ngx_http_request_t *r, const ngx_http_tradesec_order_t *orders,
    ngx_uint_t which);
static void ngx_http_tradesec_revocations_add(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider, ts_revoked_e kind,
    ts_slice_t value);
static ngx_int_t ngx_http_tradesec_revocations_answer(ngx_http_request_t *r);


/* In the order of ngx_http_tradesec_order_e; the first four of ts_revoked_e. */

static ts_slice_t  ngx_http_tradesec_order_names[] = {
    { (const uint8_t *) "jti", 3 },
    { (const uint8_t *) "session", 7 },
    { (const uint8_t *) "user", 4 },
    { (const uint8_t *) "all", 3 },
    { (const uint8_t *) "freeze", 6 },
    { (const uint8_t *) "provider", 8 },
};


static ngx_int_t
ngx_http_tradesec_revocations_handler(ngx_http_request_t *r)
{
    ngx_int_t                               rc;
    const ngx_http_tradesec_revoke_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_revoke_module);

    if (!ngx_http_tradesec_operators_admit(r, rcf->allow,
                                           "tradesec_revocations"))
    {
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_http_tradesec_revocations_answer(r) : rc;
    }

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_TRADESEC_REVOCATIONS_BODY) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                          ngx_http_tradesec_revocations_post);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_tradesec_revocations_post(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_tradesec_revocations_order(r));
}


static ngx_int_t
ngx_http_tradesec_revocations_order(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_str_t                    body;
    ngx_uint_t                   i, which;
    ngx_http_tradesec_order_t   *orders;

    rc = ngx_http_tradesec_collect_body(r, NGX_HTTP_TRADESEC_REVOCATIONS_BODY,
                                        &body);
    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
    }

    orders = ngx_pcalloc(r->pool, NGX_HTTP_TRADESEC_ORDER_N
                                  * sizeof(ngx_http_tradesec_order_t));
    if (orders == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_tradesec_revocations_read(&body, orders) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    which = NGX_HTTP_TRADESEC_ORDER_N;

    for (i = 0; i < NGX_HTTP_TRADESEC_ORDER_PROVIDER; i++) {
        if (orders[i].value.data != NULL) {

            if (which != NGX_HTTP_TRADESEC_ORDER_N) {
                return NGX_HTTP_BAD_REQUEST;
            }

            which = i;
        }
    }

    if (which == NGX_HTTP_TRADESEC_ORDER_N) {
        return NGX_HTTP_BAD_REQUEST;
    }

    rc = ngx_http_tradesec_revocations_carry_out(r, orders, which);

    return rc == NGX_OK ? ngx_http_tradesec_revocations_answer(r) : rc;
}


static ngx_int_t
ngx_http_tradesec_revocations_read(ngx_str_t *body,
    ngx_http_tradesec_order_t *orders)
{
    ngx_uint_t         i;
    ts_field_t         field;
    ts_slice_t         text;
    ts_form_result_e   rc;

    text = ts_slice(body->data, body->len);

    while (text.len && (text.data[text.len - 1] == '\n'
                        || text.data[text.len - 1] == '\r'))
    {
        text.len--;
    }

    for (i = 0; i < NGX_HTTP_TRADESEC_ORDER_N; i++) {
        (void) ts_field_init(&field, ngx_http_tradesec_order_names[i]);

        rc = ts_form_field(text, &field, orders[i].buf, sizeof(orders[i].buf),
                           &orders[i].value);

        if (rc == TS_FORM_MISSING) {
            orders[i].value = ts_slice(NULL, 0);

        } else if (rc != TS_FORM_OK || orders[i].value.len == 0) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_revocations_carry_out(ngx_http_request_t *r,
    const ngx_http_tradesec_order_t *orders, ngx_uint_t which)
{
    ngx_uint_t                                i, n, found, done;
    ts_slice_t                                value, name;
    ngx_http_tradesec_revocations_store_t    *store;
    ngx_http_tradesec_jwt_provider_t *const  *providers;

    value = orders[which].value;

    if (which == NGX_HTTP_TRADESEC_ORDER_ALL
        && !ts_slice_eq(value, TS_SLICE("on")))
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (which == NGX_HTTP_TRADESEC_ORDER_FREEZE) {

        if (!ts_slice_eq(value, TS_SLICE("on"))
            && !ts_slice_eq(value, TS_SLICE("off")))
        {
            return NGX_HTTP_BAD_REQUEST;
        }

        store = ngx_http_tradesec_revocations_get(r);
        store->freeze(store, value.len == 2, r->connection->log);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "tradesec: an operator has %s",
                      value.len == 2 ? "frozen what changes state"
                                     : "lifted the freeze");
        return NGX_OK;
    }

    providers = ngx_http_tradesec_jwt_providers(r, &n);
    found = 0;
    done = 0;

    for (i = 0; i < n; i++) {
        name = ts_slice(providers[i]->name.data, providers[i]->name.len);

        if (orders[NGX_HTTP_TRADESEC_ORDER_PROVIDER].value.data != NULL
            && !ts_slice_eq(orders[NGX_HTTP_TRADESEC_ORDER_PROVIDER].value,
                            name))
        {
            continue;
        }

        found++;

        if (providers[i]->longest) {
            ngx_http_tradesec_revocations_add(r, providers[i],
                                              (ts_revoked_e) which, value);
            done++;
        }
    }

    if (found == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    /* nobody knows how long it would have to last */

    if (done != found) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: not revoked for %ui of %ui providers: they "
                      "have neither \"max_lifetime\" nor \"lifetime\"",
                      found - done, found);
        return NGX_HTTP_CONFLICT;
    }

    if (which == NGX_HTTP_TRADESEC_ORDER_USER) {
        ngx_http_tradesec_login_forget_browsers(r, value);
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "tradesec: an operator has revoked: \"%*s\"",
                  ngx_http_tradesec_order_names[which].len,
                  ngx_http_tradesec_order_names[which].data);

    return NGX_OK;
}


ngx_uint_t
ngx_http_tradesec_revocations_user(ngx_http_request_t *r, ts_slice_t user,
    ngx_uint_t *all)
{
    ngx_uint_t                                i, done;
    ngx_http_tradesec_jwt_provider_t *const  *providers;

    providers = ngx_http_tradesec_jwt_providers(r, all);
    done = 0;

    for (i = 0; i < *all; i++) {
        if (providers[i]->longest) {
            ngx_http_tradesec_revocations_add(r, providers[i],
                                              TS_REVOKED_USER, user);
            done++;
        }
    }

    ngx_http_tradesec_login_forget_browsers(r, user);

    return done;
}


static void
ngx_http_tradesec_revocations_add(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider, ts_revoked_e kind,
    ts_slice_t value)
{
    ts_revocation_t                         revocation;
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    revocation.key = (kind == TS_REVOKED_ALL)
                     ? ts_revocation_key(kind, provider->issuer)
                     : ngx_http_tradesec_revocations_name(store, kind,
                                                  provider->issuer,
                                                  (u_char *) value.data,
                                                  value.len);
    revocation.time = ts_revocation_time(ngx_time());
    revocation.expires = ts_revocation_time(ngx_time() + provider->longest);

    if (kind == TS_REVOKED_TOKEN) {
        /* when it was issued is not known, perhaps by a clock ahead */
        revocation.time += TS_JWT_IAT_SKEW;
        revocation.expires += TS_JWT_IAT_SKEW;
    }

    (void) store->revoke(store, &revocation, NULL, r->connection->log);
}


static ngx_int_t
ngx_http_tradesec_revocations_answer(ngx_http_request_t *r)
{
    ngx_buf_t                              *b;
    ts_revocations_stats_t                  stats;
    const ts_revocations_t                 *list;
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);
    list = store->list(store);
    stats = ts_revocations_stats(list);

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_REVOCATIONS_JSON);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_sprintf(b->last,
                          "{\"entries\":%uD,\"room\":%uD,\"generation\":%uL,"
                          "\"cutoff\":%uD,\"frozen\":%uD,\"stale\":%s}\n",
                          stats.entries, stats.room,
                          ts_revocations_generation(list), stats.cutoff,
                          stats.frozen,
                          store->is_stale(store) ? "true" : "false");

    return ngx_http_tradesec_operators_answer(r, b, "application/json");
}


char *
ngx_http_tradesec_revocations_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_revoke_conf_t *conf)
{
    ngx_flag_t  no_zone;

    /* the address is one: no token is asked for beside it */

    ngx_http_tradesec_conf_set_credential(cf);
    ngx_http_tradesec_conf_serve(cf, ngx_http_tradesec_revocations_handler);

    if (ngx_http_tradesec_revocations_create(cf, &no_zone) == NULL) {
        return no_zone ? ngx_http_tradesec_conf_merge_error(cf,
                             "\"tradesec_revocations\" needs "
                             "\"tradesec_zone\"")
                       : NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_revocations(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_revoke_conf_t  *rcf = conf;

    ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_revoke_module);
    rmcf->operators = 1;

    return ngx_http_tradesec_operators_location(cf, &rcf->allow,
                                        ngx_http_tradesec_revocations_handler);
}
