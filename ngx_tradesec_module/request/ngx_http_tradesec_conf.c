/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_suggest.h"
#include "request/ngx_http_tradesec_conf.h"


char *
ngx_http_tradesec_conf_unknown(ngx_conf_t *cf, ngx_str_t *parameter,
    const ts_slice_t *words, size_t n)
{
    int         near;
    u_char     *eq;
    ngx_str_t  *directive;
    ts_slice_t  name;

    directive = cf->args->elts;

    /* of "name=value" only the name can be misspelt here */

    name = ts_slice(parameter->data, parameter->len);
    eq = ngx_strlchr(parameter->data, parameter->data + parameter->len, '=');

    if (eq != NULL) {
        name.len = (size_t) (eq + 1 - parameter->data);
    }

    near = ts_suggest(name, words, n);

    if (near >= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", "
                           "did you mean \"%*s\"?",
                           parameter, directive,
                           words[near].len, words[near].data);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\"",
                       parameter, directive);

    return NGX_CONF_ERROR;
}
