/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The owner's own browser: one that has logged in to an account has a budget
 * of its own there, which strangers cannot use up. tradesec_login_device.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>
#include <sodium.h>

#include "core/ts_cookie.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_request.h"
#include "store/ngx_http_tradesec_revocations_store.h"


#define NGX_HTTP_TRADESEC_DEVICE_NAME      "__Host-tradesec_device"
#define NGX_HTTP_TRADESEC_DEVICE_LIFETIME  (90 * 86400)
#define NGX_HTTP_TRADESEC_DEVICE_MAX       (400 * 86400)    /* of browsers */


/* Who "issues" them in the list of revocations: no issuer of tokens. */

#define NGX_HTTP_TRADESEC_DEVICE_ISSUER    0x7365636976656421


static ts_slice_t ngx_http_tradesec_login_device_cookie(ngx_http_request_t *r,
    const ngx_http_tradesec_login_device_t *conf);
static ngx_flag_t ngx_http_tradesec_login_device_is_revoked(
    ngx_http_request_t *r, ts_slice_t account, const ts_device_t *device);
static uint64_t ngx_http_tradesec_login_device_name(
    ngx_http_tradesec_revocations_store_t *store, u_char *account, size_t len);
static ngx_int_t ngx_http_tradesec_login_device_write(ngx_http_request_t *r,
    const ngx_http_tradesec_login_device_t *conf,
    const ts_device_issuer_t *issuer, ts_slice_t account,
    ngx_http_tradesec_login_browser_t *browser);


static ngx_http_tradesec_login_device_t  ngx_http_tradesec_login_device_off;


ngx_http_tradesec_login_browser_t *
ngx_http_tradesec_login_browser(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account)
{
    uint64_t                                 age;
    ts_slice_t                               text;
    ts_device_issuer_t                       issuer;
    ngx_http_tradesec_login_browser_t       *browser;
    const ngx_http_tradesec_login_device_t  *conf;

    browser = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_login_browser_t));
    if (browser == NULL) {
        return NULL;
    }

    conf = llcf->device;
    issuer.key = *llcf->store->key;
    ngx_memcpy(issuer.realm, llcf->device_realm, TS_DEVICE_REALM);

    text = ngx_http_tradesec_login_device_cookie(r, conf);
    age = 0;

    if (ts_device_read(&issuer, account, text, &browser->device)) {
        age = ts_device_age(&browser->device, (uint64_t) ngx_time());
        browser->known = age < (uint64_t) conf->lifetime
                         && !ngx_http_tradesec_login_device_is_revoked(r,
                                                 account, &browser->device);
    }

    /* a new one where there is none, and in the second half of its life */

    if (!conf->issue || !ngx_http_tradesec_is_https(r)
        || (browser->known && age < (uint64_t) conf->lifetime / 2))
    {
        return browser;
    }

    return ngx_http_tradesec_login_device_write(r, conf, &issuer, account,
                                                browser)
           == NGX_OK ? browser : NULL;
}


/* Of two cookies of the name none is believed: one is somebody else's. */

static ts_slice_t
ngx_http_tradesec_login_device_cookie(ngx_http_request_t *r,
    const ngx_http_tradesec_login_device_t *conf)
{
    ngx_uint_t        i;
    ts_cookie_t       cookie;
    ngx_table_elt_t  *h;

    ngx_memzero(&cookie, sizeof(ts_cookie_t));

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(&cookie, ts_slice(h->value.data, h->value.len),
                              ts_slice(conf->name.data, conf->name.len));
    }

    return cookie.result == TS_COOKIE_FOUND ? cookie.value : ts_slice(NULL, 0);
}


/* By a change of the password, at this gateway or another one. */

static ngx_flag_t
ngx_http_tradesec_login_device_is_revoked(ngx_http_request_t *r,
    ts_slice_t account, const ts_device_t *device)
{
    u_char                                  buf[TS_FOLD_OUT];
    ts_revocation_subject_t                 subject;
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    if (store == NULL || account.len > sizeof(buf)) {
        return 0;
    }

    ngx_memcpy(buf, account.data, account.len);
    ngx_memzero(&subject, sizeof(ts_revocation_subject_t));

    subject.user = ngx_http_tradesec_login_device_name(store, buf,
                                                       account.len);
    subject.all = ts_revocation_key(TS_REVOKED_ALL,
                                    NGX_HTTP_TRADESEC_DEVICE_ISSUER);
    subject.issued = (int64_t) device->issued;

    return ts_revocations_find(store->list(store), &subject)
           != TS_REVOKED_NOTHING;
}


/*
 * Of an account or a user, whatever the spelling, and whether or not the login
 * takes spellings of a mailbox for one: a cookie too many that is void costs
 * nobody more than its budget.
 */

static uint64_t
ngx_http_tradesec_login_device_name(
    ngx_http_tradesec_revocations_store_t *store, u_char *account, size_t len)
{
    len = ts_account_email(account, len,
                           TS_ACCOUNT_EMAIL_PLUS|TS_ACCOUNT_EMAIL_DOTS);

    return ngx_http_tradesec_revocations_name(store, TS_REVOKED_USER,
                                              NGX_HTTP_TRADESEC_DEVICE_ISSUER,
                                              account, len);
}


/* Where the list is short of room, the cookies of all accounts are void. */

void
ngx_http_tradesec_login_forget_browsers(ngx_http_request_t *r,
    ts_slice_t user)
{
    u_char                                      out[TS_FOLD_OUT];
    ts_slice_t                                  account;
    ts_revocation_t                             one, all;
    ngx_http_tradesec_revocations_store_t      *store;
    const ngx_http_tradesec_login_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_login_module);
    store = ngx_http_tradesec_revocations_get(r);

    if (lmcf->lifetime == 0 || store == NULL
        || ts_account_normalise(user, out, &account) != TS_ACCOUNT_OK)
    {
        return;
    }

    one.key = ngx_http_tradesec_login_device_name(store,
                                     (u_char *) (uintptr_t) account.data,
                                     account.len);
    one.time = ts_revocation_time(ngx_time());
    one.expires = ts_revocation_time(ngx_time() + lmcf->lifetime);

    all = one;
    all.key = ts_revocation_key(TS_REVOKED_ALL,
                                NGX_HTTP_TRADESEC_DEVICE_ISSUER);

    (void) store->revoke(store, &one, &all, r->connection->log);
}


/* Only success sends it, but then the account is not at hand any more. */

static ngx_int_t
ngx_http_tradesec_login_device_write(ngx_http_request_t *r,
    const ngx_http_tradesec_login_device_t *conf,
    const ts_device_issuer_t *issuer, ts_slice_t account,
    ngx_http_tradesec_login_browser_t *browser)
{
    u_char       *p;
    ts_device_t   device;

    static const char  attributes[]
        = "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=";

    device.issued = (uint64_t) ngx_time();

    if (browser->known) {
        ngx_memcpy(device.id, browser->device.id, TS_DEVICE_ID);

    } else if (RAND_bytes(device.id, TS_DEVICE_ID) != 1) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, conf->name.len + 1 + TS_DEVICE_TEXT
                             + sizeof(attributes) - 1 + NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    browser->set_cookie.data = p;

    p = ngx_cpymem(p, conf->name.data, conf->name.len);
    *p++ = '=';
    ts_device_write(issuer, account, &device, p);
    p = ngx_sprintf(p + TS_DEVICE_TEXT, "%s%T", attributes, conf->lifetime);

    browser->set_cookie.len = p - browser->set_cookie.data;

    return NGX_OK;
}


void
ngx_http_tradesec_login_remember(ngx_http_request_t *r,
    const ngx_http_tradesec_login_browser_t *browser)
{
    ngx_table_elt_t  *h;

    if (browser->set_cookie.len == 0 || r->header_sent) {
        return;
    }

    /* without memory for it the login is as good, and the next one has it */

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Set-Cookie");
    h->value = browser->set_cookie;
    ngx_http_tradesec_header_unlink(h);
}


/* "off", "on" or "accept", then name= and lifetime= */

char *
ngx_http_tradesec_login_device(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_str_t                         *value, v;
    ngx_uint_t                         i;
    ngx_http_tradesec_login_device_t  *device;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "on", 2 },
        { (const uint8_t *) "accept", 6 },
        { (const uint8_t *) "off", 3 },
        { (const uint8_t *) "name=", 5 },
        { (const uint8_t *) "lifetime=", 9 }
    };

    if (llcf->device != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        llcf->device = &ngx_http_tradesec_login_device_off;
        return NGX_CONF_OK;
    }

    device = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_login_device_t));
    if (device == NULL) {
        return NGX_CONF_ERROR;
    }

    llcf->device = device;

    device->accept = 1;
    device->issue = ngx_strcmp(value[1].data, "on") == 0;

    if (!device->issue && ngx_strcmp(value[1].data, "accept") != 0) {
        return ngx_http_tradesec_conf_unknown(cf, &value[1], words, 3);
    }

    ngx_str_set(&device->name, NGX_HTTP_TRADESEC_DEVICE_NAME);
    device->lifetime = NGX_HTTP_TRADESEC_DEVICE_LIFETIME;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_tradesec_login_prefix(&value[i], "name=", &v)
            && ts_cookie_is_name(ts_slice(v.data, v.len)))
        {
            device->name = v;

        } else if (ngx_http_tradesec_login_prefix(&value[i], "lifetime=", &v)
                   && (device->lifetime = ngx_parse_time(&v, 1)) > 0
                   && device->lifetime <= NGX_HTTP_TRADESEC_DEVICE_MAX)
        {
            continue;

        } else {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], words + 3, 2);
        }
    }

    return NGX_CONF_OK;
}


void
ngx_http_tradesec_login_device_merge(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf)
{
    crypto_generichash_state              state;
    const ngx_http_core_srv_conf_t       *cscf;
    ngx_http_tradesec_login_main_conf_t  *lmcf;

    if (!conf->device->accept) {
        return;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_login_module);
    lmcf->lifetime = ngx_max(lmcf->lifetime, conf->device->lifetime);

    /* whose accounts they are: those of the counter, at this server */

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    (void) crypto_generichash_init(&state, NULL, 0, TS_DEVICE_REALM);
    (void) crypto_generichash_update(&state,
                              (const u_char *) &conf->policy->counter_tag,
                              sizeof(conf->policy->counter_tag));
    (void) crypto_generichash_update(&state, cscf->server_name.data,
                                     cscf->server_name.len);
    (void) crypto_generichash_final(&state, conf->device_realm,
                                    TS_DEVICE_REALM);

    if (conf->device->issue && !ts_outcome_has_success(&conf->policy->criteria))
    {
        ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_DEVICE_UNUSED);
    }
}


ngx_http_tradesec_login_device_t *
ngx_http_tradesec_login_no_device(void)
{
    return &ngx_http_tradesec_login_device_off;
}
