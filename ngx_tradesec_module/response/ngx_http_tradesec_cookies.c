/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The filter of cookies: each Set-Cookie line goes out as strict as its
 * location promises, whoever set it. It stands where the filter of headers
 * stands, right in front of the serialisers.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_response.h"


static ngx_int_t ngx_http_tradesec_cookies_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_harden_cookie(ngx_http_request_t *r,
    const ngx_http_tradesec_cookie_policy_t *policy, ngx_table_elt_t *h);
static char *ngx_http_tradesec_cookies_inherit(ngx_conf_t *cf,
    ngx_http_tradesec_cookies_conf_t *conf,
    const ngx_http_tradesec_cookies_conf_t *prev);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_tradesec_cookies_filter(ngx_http_request_t *r)
{
    ngx_list_part_t                          *part;
    ngx_table_elt_t                          *h, *end;
    const ngx_http_tradesec_response_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_response_module);

    if (rcf->cookies.policy == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {

            if (h->key.len == sizeof("Set-Cookie") - 1
                && h->hash != 0
                && ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie",
                                   sizeof("Set-Cookie") - 1)
                   == 0
                && ngx_http_tradesec_harden_cookie(r, rcf->cookies.policy, h)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_tradesec_harden_cookie(ngx_http_request_t *r,
    const ngx_http_tradesec_cookie_policy_t *policy, ngx_table_elt_t *h)
{
    size_t                             len;
    u_char                            *p;
    ngx_uint_t                         i;
    ts_slice_t                         line, name;
    ts_set_cookie_e                    rc;
    const ngx_http_tradesec_cookie_t  *cookie;

    line = ts_slice(h->value.data, h->value.len);
    name = ts_set_cookie_name(line);
    cookie = &policy->cookies[0];

    for (i = 1; i < policy->n; i++) {
        if (ts_slice_eq(ts_slice(policy->cookies[i].name.data,
                                 policy->cookies[i].name.len), name))
        {
            cookie = &policy->cookies[i];
            break;
        }
    }

    p = ngx_pnalloc(r->pool, line.len + TS_SET_COOKIE_ADDED);
    if (p == NULL) {
        return NGX_ERROR;
    }

    rc = ts_set_cookie_harden(line,
                     &cookie->policies[ngx_http_tradesec_is_https(r) ? 1 : 0],
                     ngx_time(), p, &len);

    switch (rc) {

    case TS_SET_COOKIE_CHANGE:
        h->value.data = p;
        h->value.len = len;
        break;

    case TS_SET_COOKIE_DROP:
        h->hash = 0;

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "tradesec: cookie not passed on, it has a control "
                      "character, or a prefix for a value");
        break;

    case TS_SET_COOKIE_KEEP:
        break;
    }

    return NGX_OK;
}


void
ngx_http_tradesec_cookies_install(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tradesec_cookies_filter;
}


char *
ngx_http_tradesec_cookies_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_cookies_conf_t *prev,
    ngx_http_tradesec_cookies_conf_t *conf,
    ngx_http_tradesec_response_main_conf_t *rmcf)
{
    ngx_flag_t  own;

    own = conf->rules != NULL;

    ngx_conf_merge_value(conf->enable, prev->enable, 1);

    if (ngx_http_tradesec_cookies_inherit(cf, conf, prev) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (!conf->enable || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    rmcf->cookies = 1;

    if (!own && prev->policy != NULL) {
        conf->policy = prev->policy;
        return NGX_CONF_OK;
    }

    conf->policy = ngx_http_tradesec_cookie_policy_build(cf, conf->rules);

    return conf->policy ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Rules add to the inherited ones; the later of a name wins. */

static char *
ngx_http_tradesec_cookies_inherit(ngx_conf_t *cf,
    ngx_http_tradesec_cookies_conf_t *conf,
    const ngx_http_tradesec_cookies_conf_t *prev)
{
    void         *place;
    ngx_array_t  *own;

    if (prev->rules == NULL) {
        return NGX_CONF_OK;
    }

    own = conf->rules;

    if (own == NULL) {
        conf->rules = prev->rules;
        return NGX_CONF_OK;
    }

    conf->rules = ngx_array_create(cf->pool, prev->rules->nelts + own->nelts,
                                   sizeof(ngx_http_tradesec_cookie_rule_t));
    if (conf->rules == NULL) {
        return NGX_CONF_ERROR;
    }

    place = ngx_array_push_n(conf->rules, prev->rules->nelts);
    ngx_memcpy(place, prev->rules->elts,
               prev->rules->nelts * sizeof(ngx_http_tradesec_cookie_rule_t));

    place = ngx_array_push_n(conf->rules, own->nelts);
    ngx_memcpy(place, own->elts,
               own->nelts * sizeof(ngx_http_tradesec_cookie_rule_t));

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_response_conf_t  *rcf = conf;

    ngx_http_tradesec_cookie_rule_t   *rule;
    ngx_http_tradesec_cookies_conf_t  *ccf;

    ccf = &rcf->cookies;

    if (ccf->rules == NULL) {
        ccf->rules = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_tradesec_cookie_rule_t));
        if (ccf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(ccf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_cookie_rule(cf, rule);
}
