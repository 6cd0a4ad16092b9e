/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_suggest.h"
#include "core/ts_word.h"
#include "request/ngx_http_tradesec_conf.h"


char *
ngx_http_tradesec_conf_set_policy_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    const ngx_http_tradesec_conf_policy_t  *reader = cmd->post;

    void        *made, **policy;
    ngx_str_t   *value;
    ngx_uint_t   i;

    static const ts_slice_t  off = { (const uint8_t *) "off", 3 };

    policy = (void **) ((u_char *) conf + cmd->offset);

    if (*policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        *policy = NULL;
        return NGX_CONF_OK;
    }

    made = ngx_pcalloc(cf->pool, reader->size);
    if (made == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "off") == 0) {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], &off, 1);
        }

        if (reader->parameter(cf, made, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    *policy = made;

    return reader->complete ? reader->complete(cf, made) : NGX_CONF_OK;
}


size_t
ngx_http_tradesec_conf_open(const ngx_str_t *parameter,
    const ts_slice_t *words, size_t n, ngx_str_t *value)
{
    size_t      i;
    ts_slice_t  rest;

    i = ts_word_open(ts_slice(parameter->data, parameter->len), words, n,
                     &rest);

    if (i == n || rest.len == 0) {
        return n;
    }

    value->data = (u_char *) rest.data;
    value->len = rest.len;

    return i;
}


ngx_flag_t
ngx_http_tradesec_conf_pointer(ngx_conf_t *cf, ts_slice_t text,
    ts_json_pointer_t *pointer)
{
    u_char  *buf;

    if (text.len == 0) {
        return 0;
    }

    buf = ngx_pnalloc(cf->pool, text.len);

    return buf != NULL && ts_json_pointer(pointer, text, buf) == 0;
}


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
