/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_cookie, and the policy that all of them make.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "request/ngx_http_tradesec_conf.h"
#include "response/ngx_http_tradesec_cookies.h"


#define UNSET  NGX_CONF_UNSET_UINT


static char *ngx_http_tradesec_cookie_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule, ngx_str_t *parameter);
static char *ngx_http_tradesec_cookie_max_age(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule, ngx_str_t *parameter);
static void ngx_http_tradesec_cookie_override(
    ngx_http_tradesec_cookie_rule_t *rule,
    const ngx_http_tradesec_cookie_rule_t *by);
static ngx_http_tradesec_cookie_rule_t *ngx_http_tradesec_cookie_place(
    ngx_http_tradesec_cookie_rule_t *rules, ngx_uint_t *n,
    const ngx_str_t *name);
static void ngx_http_tradesec_cookie_finish(ngx_http_tradesec_cookie_t *cookie,
    const ngx_http_tradesec_cookie_rule_t *rule);


/*
 * Browsers keep a cookie for 400 days at most (rfc6265bis, section 5.5). The
 * named cookies are made for scripts, which send them back in a field:
 * Angular, axios and Laravel; Django; Tornado and Jupyter.
 */

static const ngx_http_tradesec_cookie_rule_t  ngx_http_tradesec_default_rules[]
    = {
    { ngx_string("*"), NGX_HTTP_TRADESEC_SECURE_AUTO, 1, TS_SAME_SITE_LAX,
      400 * 24 * 3600 },
    { ngx_string("XSRF-TOKEN"), UNSET, 0, UNSET, NGX_CONF_UNSET },
    { ngx_string("csrftoken"), UNSET, 0, UNSET, NGX_CONF_UNSET },
    { ngx_string("_xsrf"), UNSET, 0, UNSET, NGX_CONF_UNSET },
};

#define NGX_HTTP_TRADESEC_DEFAULT_RULES                                      \
    (sizeof(ngx_http_tradesec_default_rules)                                 \
     / sizeof(ngx_http_tradesec_cookie_rule_t))


static ngx_flag_t
ngx_http_tradesec_cookie_is_default(const ngx_str_t *name)
{
    return name->len == 1 && name->data[0] == '*';
}


char *
ngx_http_tradesec_cookie_rule(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    rule->name = value[1];
    rule->secure = UNSET;
    rule->http_only = UNSET;
    rule->same_site = UNSET;
    rule->max_age = NGX_CONF_UNSET;

    if (!ngx_http_tradesec_cookie_is_default(&value[1])
        && !ts_cookie_is_name(ts_slice(value[1].data, value[1].len)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid cookie name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_cookie_parameter(cf, rule, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_cookie_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule, ngx_str_t *parameter)
{
    ngx_uint_t   i;
    ngx_uint_t  *field;

    static const struct {
        const char  *text;
        size_t       offset;
        ngx_uint_t   value;
    } words[] = {
        { "secure=auto", offsetof(ngx_http_tradesec_cookie_rule_t, secure),
          NGX_HTTP_TRADESEC_SECURE_AUTO },
        { "secure=on", offsetof(ngx_http_tradesec_cookie_rule_t, secure),
          NGX_HTTP_TRADESEC_SECURE_ON },
        { "secure=off", offsetof(ngx_http_tradesec_cookie_rule_t, secure),
          NGX_HTTP_TRADESEC_SECURE_OFF },
        { "httponly=on", offsetof(ngx_http_tradesec_cookie_rule_t, http_only),
          1 },
        { "httponly=off", offsetof(ngx_http_tradesec_cookie_rule_t, http_only),
          0 },
        { "samesite=strict",
          offsetof(ngx_http_tradesec_cookie_rule_t, same_site),
          TS_SAME_SITE_STRICT },
        { "samesite=lax", offsetof(ngx_http_tradesec_cookie_rule_t, same_site),
          TS_SAME_SITE_LAX },
        { "samesite=none",
          offsetof(ngx_http_tradesec_cookie_rule_t, same_site),
          TS_SAME_SITE_NONE },
        { "samesite=off", offsetof(ngx_http_tradesec_cookie_rule_t, same_site),
          TS_SAME_SITE_UNSET },
    };

    static const ts_slice_t  names[] = {
        { (const uint8_t *) "secure=", 7 },
        { (const uint8_t *) "httponly=", 9 },
        { (const uint8_t *) "samesite=", 9 },
        { (const uint8_t *) "max_age=", 8 },
    };

    if (ngx_strncmp(parameter->data, "max_age=", 8) == 0) {
        return ngx_http_tradesec_cookie_max_age(cf, rule, parameter);
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (ngx_strcmp(parameter->data, words[i].text) != 0) {
            continue;
        }

        field = (ngx_uint_t *) ((u_char *) rule + words[i].offset);

        if (*field != UNSET) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" in "
                               "\"tradesec_cookie\"", parameter);
            return NGX_CONF_ERROR;
        }

        *field = words[i].value;

        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_conf_unknown(cf, parameter, names,
                                          sizeof(names) / sizeof(names[0]));
}


static char *
ngx_http_tradesec_cookie_max_age(ngx_conf_t *cf,
    ngx_http_tradesec_cookie_rule_t *rule, ngx_str_t *parameter)
{
    ngx_str_t  text;

    text.data = parameter->data + sizeof("max_age=") - 1;
    text.len = parameter->len - (sizeof("max_age=") - 1);

    if (rule->max_age != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"tradesec_cookie\"",
                           parameter);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(text.data, "off") == 0) {
        rule->max_age = 0;
        return NGX_CONF_OK;
    }

    rule->max_age = ngx_parse_time(&text, 1);

    if (rule->max_age == (time_t) NGX_ERROR || rule->max_age == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"tradesec_cookie\", "
                           "a time such as \"12h\", or \"off\"", parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "*" decides what the others leave open, wherever it stands. */

const ngx_http_tradesec_cookie_policy_t *
ngx_http_tradesec_cookie_policy_build(ngx_conf_t *cf, const ngx_array_t *rules)
{
    ngx_uint_t                              i, n, total;
    ngx_http_tradesec_cookie_rule_t        *place, whole;
    ngx_http_tradesec_cookie_policy_t      *policy;
    const ngx_http_tradesec_cookie_rule_t  *own;
    ngx_http_tradesec_cookie_rule_t
        merged[1 + NGX_HTTP_TRADESEC_COOKIES_MAX];

    n = NGX_HTTP_TRADESEC_DEFAULT_RULES;
    ngx_memcpy(merged, ngx_http_tradesec_default_rules,
               sizeof(ngx_http_tradesec_default_rules));

    own = rules ? rules->elts : NULL;
    total = rules ? rules->nelts : 0;

    for (i = 0; i < total; i++) {
        place = ngx_http_tradesec_cookie_place(merged, &n, &own[i].name);

        if (place == NULL) {
            (void) ngx_http_tradesec_conf_merge_error(cf,
                       "more than 29 different names in \"tradesec_cookie\"");
            return NULL;
        }

        ngx_http_tradesec_cookie_override(place, &own[i]);
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_cookie_policy_t));
    if (policy == NULL) {
        return NULL;
    }

    policy->n = n;

    for (i = 0; i < n; i++) {
        whole = merged[0];
        whole.name = merged[i].name;
        ngx_http_tradesec_cookie_override(&whole, &merged[i]);
        ngx_http_tradesec_cookie_finish(&policy->cookies[i], &whole);
    }

    return policy;
}


static void
ngx_http_tradesec_cookie_override(ngx_http_tradesec_cookie_rule_t *rule,
    const ngx_http_tradesec_cookie_rule_t *by)
{
    if (by->secure != UNSET) {
        rule->secure = by->secure;
    }

    if (by->http_only != UNSET) {
        rule->http_only = by->http_only;
    }

    if (by->same_site != UNSET) {
        rule->same_site = by->same_site;
    }

    if (by->max_age != NGX_CONF_UNSET) {
        rule->max_age = by->max_age;
    }
}


/* The rule of that name, or a new one; NULL when all are taken. */

static ngx_http_tradesec_cookie_rule_t *
ngx_http_tradesec_cookie_place(ngx_http_tradesec_cookie_rule_t *rules,
    ngx_uint_t *n, const ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_tradesec_cookie_rule_t  *rule;

    for (i = 0; i < *n; i++) {
        if (rules[i].name.len == name->len
            && ngx_strncmp(rules[i].name.data, name->data, name->len) == 0)
        {
            return &rules[i];
        }
    }

    if (*n == 1 + NGX_HTTP_TRADESEC_COOKIES_MAX) {
        return NULL;
    }

    rule = &rules[(*n)++];

    rule->name = *name;
    rule->secure = UNSET;
    rule->http_only = UNSET;
    rule->same_site = UNSET;
    rule->max_age = NGX_CONF_UNSET;

    return rule;
}


static void
ngx_http_tradesec_cookie_finish(ngx_http_tradesec_cookie_t *cookie,
    const ngx_http_tradesec_cookie_rule_t *rule)
{
    ngx_uint_t               https;
    ts_set_cookie_policy_t  *policy;

    cookie->name = rule->name;

    for (https = 0; https < 2; https++) {
        policy = &cookie->policies[https];

        policy->secure = rule->secure == NGX_HTTP_TRADESEC_SECURE_ON
                         || (rule->secure == NGX_HTTP_TRADESEC_SECURE_AUTO
                             && https);
        policy->http_only = rule->http_only == 1;
        policy->same_site = (ts_same_site_e) rule->same_site;
        policy->max_age = rule->max_age;
    }
}
