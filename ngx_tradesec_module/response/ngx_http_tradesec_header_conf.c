/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives of the response headers.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_response.h"


static char *ngx_http_tradesec_headers_inherit(ngx_conf_t *cf,
    ngx_http_tradesec_headers_conf_t *conf,
    const ngx_http_tradesec_headers_conf_t *prev);
static char *ngx_http_tradesec_header_check(ngx_conf_t *cf,
    const ngx_http_tradesec_header_t *header);
static ngx_flag_t ngx_http_tradesec_header_name_valid(const ngx_str_t *name);


ngx_conf_enum_t  ngx_http_tradesec_header_presets[] = {
    { ngx_string("off"), NGX_HTTP_TRADESEC_PRESET_OFF },
    { ngx_string("basic"), NGX_HTTP_TRADESEC_PRESET_BASIC },
    { ngx_string("strict"), NGX_HTTP_TRADESEC_PRESET_STRICT },
    { ngx_null_string, 0 }
};


/* What nginx or the backend sets by itself, and we must not. */

static const ngx_str_t  ngx_http_tradesec_foreign_headers[] = {
    ngx_string("Connection"),
    ngx_string("Content-Encoding"),
    ngx_string("Content-Length"),
    ngx_string("Content-Range"),
    ngx_string("Content-Type"),
    ngx_string("Date"),
    ngx_string("Keep-Alive"),
    ngx_string("Location"),
    ngx_string("Server"),
    ngx_string("Set-Cookie"),
    ngx_string("Trailer"),
    ngx_string("Transfer-Encoding"),
    ngx_string("Upgrade"),
    ngx_string("WWW-Authenticate"),
};


char *
ngx_http_tradesec_headers_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_headers_conf_t *prev,
    ngx_http_tradesec_headers_conf_t *conf,
    ngx_http_tradesec_response_main_conf_t *rmcf)
{
    ngx_flag_t  own;

    own = conf->adjusted != NULL || conf->removed != NGX_CONF_UNSET_PTR
          || conf->preset != NGX_CONF_UNSET_UINT;

    ngx_conf_merge_uint_value(conf->preset, prev->preset,
                              NGX_HTTP_TRADESEC_PRESET_BASIC);
    ngx_conf_merge_ptr_value(conf->removed, prev->removed, NULL);

    if (ngx_http_tradesec_headers_inherit(cf, conf, prev) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->preset == NGX_HTTP_TRADESEC_PRESET_OFF
        || !ngx_http_tradesec_conf_is_on(cf))
    {
        return NGX_CONF_OK;
    }

    rmcf->headers = 1;

    if (!own && prev->policy != NULL) {
        conf->policy = prev->policy;
        return NGX_CONF_OK;
    }

    conf->policy = ngx_http_tradesec_header_policy_build(cf, conf->preset,
                                              conf->adjusted, conf->removed);

    return conf->policy ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_flag_t
ngx_http_tradesec_conf_sets_header(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                                i;
    const ngx_http_tradesec_header_policy_t  *policy;
    const ngx_http_tradesec_response_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                           ngx_http_tradesec_response_module);
    policy = rcf->headers.policy;

    for (i = 0; policy != NULL && i < policy->nset; i++) {
        if (ngx_http_tradesec_header_name_eq(&policy->headers[i].name, name)) {
            return 1;
        }
    }

    return 0;
}


/* Adjustments add to the inherited ones; the later of a name wins. */

static char *
ngx_http_tradesec_headers_inherit(ngx_conf_t *cf,
    ngx_http_tradesec_headers_conf_t *conf,
    const ngx_http_tradesec_headers_conf_t *prev)
{
    void         *place;
    ngx_array_t  *all;

    if (prev->adjusted == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->adjusted == NULL) {
        conf->adjusted = prev->adjusted;
        return NGX_CONF_OK;
    }

    all = ngx_array_create(cf->pool,
                           prev->adjusted->nelts + conf->adjusted->nelts,
                           sizeof(ngx_http_tradesec_header_t));
    if (all == NULL) {
        return NGX_CONF_ERROR;
    }

    place = ngx_array_push_n(all, prev->adjusted->nelts);
    ngx_memcpy(place, prev->adjusted->elts,
               prev->adjusted->nelts * sizeof(ngx_http_tradesec_header_t));

    place = ngx_array_push_n(all, conf->adjusted->nelts);
    ngx_memcpy(place, conf->adjusted->elts,
               conf->adjusted->nelts * sizeof(ngx_http_tradesec_header_t));

    conf->adjusted = all;

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_header(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_response_conf_t  *rcf = conf;

    ngx_str_t                         *value;
    ngx_http_tradesec_header_t        *header;
    ngx_http_tradesec_headers_conf_t  *hcf;
    ngx_http_compile_complex_value_t   ccv;

    static ngx_str_t         hsts = ngx_string("Strict-Transport-Security");
    static const ts_slice_t  modes[] = {
        { (const uint8_t *) "replace", 7 },
        { (const uint8_t *) "keep", 4 },
        { (const uint8_t *) "merge", 5 },
    };

    value = cf->args->elts;
    hcf = &rcf->headers;

    if (hcf->adjusted == NULL) {
        hcf->adjusted = ngx_array_create(cf->pool, 4,
                                         sizeof(ngx_http_tradesec_header_t));
        if (hcf->adjusted == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    header = ngx_array_push(hcf->adjusted);
    if (header == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(header, sizeof(ngx_http_tradesec_header_t));

    header->name = value[1];
    header->value = value[2];
    header->mode = NGX_HTTP_TRADESEC_HEADER_REPLACE;
    header->tls_only = ngx_http_tradesec_header_name_eq(&value[1], &hsts);

    if (cf->args->nelts == 4) {

        if (ngx_strcmp(value[3].data, "keep") == 0) {
            header->mode = NGX_HTTP_TRADESEC_HEADER_KEEP;

        } else if (ngx_strcmp(value[3].data, "merge") == 0) {
            header->mode = NGX_HTTP_TRADESEC_HEADER_MERGE;

        } else if (ngx_strcmp(value[3].data, "replace") != 0) {
            return ngx_http_tradesec_conf_unknown(cf, &value[3], modes, 3);
        }

    } else if (ngx_strcmp(value[2].data, "off") == 0) {
        header->mode = NGX_HTTP_TRADESEC_HEADER_OFF;
    }

    if (ngx_http_script_variables_count(&value[2])) {
        header->variable = ngx_palloc(cf->pool,
                                      sizeof(ngx_http_complex_value_t));
        if (header->variable == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[2];
        ccv.complex_value = header->variable;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_tradesec_header_check(cf, header);
}


static char *
ngx_http_tradesec_header_check(ngx_conf_t *cf,
    const ngx_http_tradesec_header_t *header)
{
    size_t                   i;
    static ngx_str_t         csp = ngx_string("Content-Security-Policy");
    static ngx_str_t         report =
        ngx_string("Content-Security-Policy-Report-Only");

    if (!ngx_http_tradesec_header_name_valid(&header->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\"", &header->name);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < sizeof(ngx_http_tradesec_foreign_headers)
                    / sizeof(ngx_str_t); i++)
    {
        if (ngx_http_tradesec_header_name_eq(&header->name,
                                      &ngx_http_tradesec_foreign_headers[i]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tradesec_header\" cannot set \"%V\": it "
                               "belongs to nginx and the backend",
                               &header->name);
            return NGX_CONF_ERROR;
        }
    }

    for (i = 0; i < header->value.len; i++) {
        if (header->value.data[i] < 0x20 || header->value.data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "control character in the value of \"%V\"",
                               &header->name);
            return NGX_CONF_ERROR;
        }
    }

    if (header->mode == NGX_HTTP_TRADESEC_HEADER_MERGE
        && !ngx_http_tradesec_header_name_eq(&header->name, &csp)
        && !ngx_http_tradesec_header_name_eq(&header->name, &report))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot be merged, only "
                           "\"Content-Security-Policy\" can: write "
                           "\"replace\" or \"keep\"", &header->name);
        return NGX_CONF_ERROR;
    }

    if (header->tls_only && header->mode != NGX_HTTP_TRADESEC_HEADER_OFF
        && header->variable == NULL
        && ngx_strstr(header->value.data, "max-age=") == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" without \"max-age=\" is ignored by "
                           "browsers, write it as \"max-age=31536000\"",
                           &header->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* token of RFC 9110 section 5.6.2 */

static ngx_flag_t
ngx_http_tradesec_header_name_valid(const ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
              || ngx_strchr("!#$%&'*+-.^_`|~", c) != NULL) || c == '\0')
        {
            return 0;
        }
    }

    return name->len > 0;
}


char *
ngx_http_tradesec_header_remove(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_response_conf_t  *rcf = conf;

    ngx_str_t                         *value, *name;
    ngx_uint_t                         i;
    ngx_http_tradesec_headers_conf_t  *hcf;

    hcf = &rcf->headers;

    if (hcf->removed != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    hcf->removed = ngx_array_create(cf->pool, cf->args->nelts,
                                    sizeof(ngx_str_t));
    if (hcf->removed == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_tradesec_header_name_valid(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid header name \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(hcf->removed);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}
