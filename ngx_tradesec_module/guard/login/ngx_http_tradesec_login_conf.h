/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The configuration of the login guard; for ngx_http_tradesec_login*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_LOGIN_CONF_H
#define NGX_HTTP_TRADESEC_LOGIN_CONF_H

#include "core/ts_address.h"
#include "core/ts_delay.h"
#include "core/ts_device.h"
#include "core/ts_outcome.h"
#include "guard/ngx_http_tradesec_body_source.h"
#include "request/ngx_http_tradesec_context.h"
#include "store/ngx_http_tradesec_attempts_store.h"


#define NGX_HTTP_TRADESEC_LOGIN_LOCK_MAX  (365 * 86400)    /* that ends */

#define NGX_HTTP_TRADESEC_LOGIN_DELAY_UNSET  UINT32_MAX


/* The counters of an attempt; the networks are of IPv6 only. */

typedef enum {
    NGX_HTTP_TRADESEC_LOGIN_PAIR,
    NGX_HTTP_TRADESEC_LOGIN_ACCOUNT,
    NGX_HTTP_TRADESEC_LOGIN_ADDRESS,        /* IPv4, IPv6 /64 */
    NGX_HTTP_TRADESEC_LOGIN_PREFIX56,
    NGX_HTTP_TRADESEC_LOGIN_PREFIX48,
    NGX_HTTP_TRADESEC_LOGIN_COUNTERS
} ngx_http_tradesec_login_counter_e;

#define NGX_HTTP_TRADESEC_LOGIN_NETWORKS                                     \
    (NGX_HTTP_TRADESEC_LOGIN_COUNTERS - NGX_HTTP_TRADESEC_LOGIN_ADDRESS)


/* What one tradesec_login says: which request is whose attempt, and how its
   answer is understood. */

typedef struct {
    ngx_flag_t                    off;
    ngx_flag_t                    none;     /* one account for everybody */
    ngx_flag_t                    user;     /* that of the token */
    ngx_flag_t                    basic;
    ngx_flag_t                    body;     /* there are sources in a body */
    ngx_str_t                     counter;  /* attempts of one name count
                                               together */
    uint64_t                      counter_tag;  /* a hash of that name */
    uint32_t                      email;    /* TS_ACCOUNT_EMAIL_* */

    ngx_http_tradesec_body_source_t
                                  account;

    ts_outcome_criteria_t         criteria;
    void                         *patterns[TS_OUTCOME_BODIES];
} ngx_http_tradesec_login_policy_t;


/* Whose attempts are not counted. */

typedef struct {
    ngx_array_t                   cidrs;        /* of ngx_cidr_t */
    ngx_array_t                   values;       /* of
                                                   ngx_http_complex_value_t */
} ngx_http_tradesec_login_allow_t;


/* The cookie of browsers that have logged in. */

typedef struct {
    ngx_flag_t                    accept;
    ngx_flag_t                    issue;
    ngx_str_t                     name;
    time_t                        lifetime;
} ngx_http_tradesec_login_device_t;


typedef struct {
    ngx_http_tradesec_attempts_store_t  *store;     /* NULL: not asked for */
    time_t                               lifetime;  /* of the cookies that live
                                                       longest; 0: none */
} ngx_http_tradesec_login_main_conf_t;


typedef struct {
    ngx_http_tradesec_login_policy_t    *policy;

    size_t                               body_size;
    ngx_uint_t                           fallback;

    time_t                               window;
    ngx_uint_t                           limits[
                                            NGX_HTTP_TRADESEC_LOGIN_COUNTERS];
    ngx_uint_t                           accounts;      /* of an address */
    ngx_uint_t                           addresses;     /* of an account */

    time_t                               lock_min;  /* 0: no locks */
    time_t                               lock_max;
    time_t                               lock_decay;
    ngx_flag_t                           lock_permanent;
    ngx_flag_t                           lock_extend;

    ts_delay_rule_t                      delay;

    ts_attempts_rule_t                   rules[
                                            NGX_HTTP_TRADESEC_LOGIN_COUNTERS];
    ngx_http_tradesec_attempts_store_t  *store;

    ngx_http_tradesec_login_allow_t     *allow;     /* NULL: nobody */

    ngx_flag_t                           operate;   /* the location shows and
                                                       clears locks */

    ngx_array_t                         *redis_allow;   /* NULL: the location
                                                       shows nothing of Redis */

    ngx_http_tradesec_login_device_t    *device;
    u_char                               device_realm[TS_DEVICE_REALM];
} ngx_http_tradesec_login_conf_t;


/* The browser of an attempt. */

typedef struct {
    ngx_flag_t                    known;        /* has logged in before */
    ts_device_t                   device;       /* then it is this one */
    ngx_str_t                     set_cookie;   /* to have, if it does now */
} ngx_http_tradesec_login_browser_t;


extern ngx_module_t  ngx_http_tradesec_login_module;

extern ngx_http_tradesec_login_policy_t  ngx_http_tradesec_login_off;


/* The directive tradesec_login. */

char *ngx_http_tradesec_login(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* The directive tradesec_login_allow; the default of merging; the question. */

char *ngx_http_tradesec_login_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_flag_t ngx_http_tradesec_login_is_allowed(ngx_http_request_t *r,
    const ngx_http_tradesec_login_allow_t *allow);

/* The directives tradesec_login_lock and tradesec_login_delay. */

char *ngx_http_tradesec_login_lock(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tradesec_login_delay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The directive tradesec_redis_status. */

char *ngx_http_tradesec_login_redis_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_tradesec_login_redis_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_login_conf_t *conf);

/* The directive tradesec_login_locks. */

char *ngx_http_tradesec_login_locks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_tradesec_login_operate(ngx_http_request_t *r);

/* The counters of that name have keys under this tag. */

uint64_t ngx_http_tradesec_login_counter_tag(const ngx_str_t *counter);

/*
 * The keys of a normalised account, and of all browsers that are known there;
 * of an address, up to three, whose number is returned.
 */

void ngx_http_tradesec_login_account_key(const u_char *key, uint64_t tag,
    ts_slice_t account, ts_attempts_key_t *account_key);
void ngx_http_tradesec_login_devices_key(const u_char *key, uint64_t tag,
    ts_slice_t account, ts_attempts_key_t *devices_key);
ngx_uint_t ngx_http_tradesec_login_address_key(const u_char *key,
    uint64_t tag, const ts_address_t *address,
    ts_attempts_key_t *address_keys);

/* Whether the parameter begins with the prefix; *value is what follows. */

static ngx_inline ngx_flag_t
ngx_http_tradesec_login_prefix(const ngx_str_t *parameter, const char *prefix,
    ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(prefix);

    if (parameter->len < len
        || ngx_strncmp(parameter->data, prefix, len) != 0)
    {
        return 0;
    }

    value->data = parameter->data + len;
    value->len = parameter->len - len;

    return 1;
}


/* One "success=", "failure=" or "neutral=" of it; value is what follows. */

ngx_int_t ngx_http_tradesec_login_criterion(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value);

/* The directive tradesec_login_device; its default; the end of merging. */

char *ngx_http_tradesec_login_device(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_tradesec_login_device_t *ngx_http_tradesec_login_no_device(void);
void ngx_http_tradesec_login_device_merge(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf);

/* What the request's cookie says of the browser; NULL: out of memory. */

ngx_http_tradesec_login_browser_t *ngx_http_tradesec_login_browser(
    ngx_http_request_t *r, const ngx_http_tradesec_login_conf_t *llcf,
    ts_slice_t account);

/* After a success. */

void ngx_http_tradesec_login_remember(ngx_http_request_t *r,
    const ngx_http_tradesec_login_browser_t *browser);

/*
 * Charges an attempt at a normalised account: the verdict of the guard. Where
 * a home has to be asked it is "wait". Then the guard has a state, and resumed
 * says whether this is that request, and with which verdict.
 */

ngx_http_tradesec_verdict_t ngx_http_tradesec_login_reserve(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account);
ngx_flag_t ngx_http_tradesec_login_resumed(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_verdict_t *verdict);

/* Adds $tradesec_store. */

ngx_int_t ngx_http_tradesec_login_add_variables(ngx_conf_t *cf);

/*
 * Fills in the counters of an attempt at a normalised account. The device of
 * a browser that is known has its own, NULL is any other.
 */

void ngx_http_tradesec_login_keys(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account,
    const ts_device_t *device, ts_attempt_t *attempt);


#endif /* NGX_HTTP_TRADESEC_LOGIN_CONF_H */
