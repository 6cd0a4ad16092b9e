/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

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

    /* a known word is no word at this place, or has an impossible value */

    if (near >= 0 && ts_slice_eq(name, words[near])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\"%s",
                           parameter, directive,
                           eq ? "" : ", it must stand alone");
        return NGX_CONF_ERROR;
    }

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


char *
ngx_http_tradesec_conf_unknown_line(ngx_conf_t *cf, const char *block,
    const ts_slice_t *words, size_t n)
{
    int         near;
    ngx_str_t  *name;

    name = cf->args->elts;
    near = ts_suggest(ts_slice(name->data, name->len), words, n);

    if (near >= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in \"%s\", "
                           "did you mean \"%*s\"?",
                           name, block, words[near].len, words[near].data);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"%s\"", name, block);

    return NGX_CONF_ERROR;
}


char *
ngx_http_tradesec_conf_merge_error(ngx_conf_t *cf, const char *message)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (clcf->name.len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s, in location \"%V\" of the server in %s:%ui",
                      message, &clcf->name, cscf->file_name, cscf->line);

    } else {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s, in the server in %s:%ui",
                      message, cscf->file_name, cscf->line);
    }

    return NGX_CONF_ERROR;
}


ngx_flag_t
ngx_http_tradesec_conf_is_block(ngx_conf_t *cf)
{
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return clcf->noname;
}


void
ngx_http_tradesec_conf_serve(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = handler;
    }
}
