/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_method.h"


static ngx_flag_t ngx_http_tradesec_method_valid(const ngx_str_t *name);
static ngx_flag_t ngx_http_tradesec_method_same(const ngx_str_t *a,
    const ngx_str_t *b);


/* Those that nginx has a bit for; it compares any other by its name. */

static const struct {
    ngx_str_t   name;
    ngx_uint_t  bit;
} ngx_http_tradesec_known_methods[] = {
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_string("MKCOL"), NGX_HTTP_MKCOL },
    { ngx_string("COPY"), NGX_HTTP_COPY },
    { ngx_string("MOVE"), NGX_HTTP_MOVE },
    { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
    { ngx_string("PROPFIND"), NGX_HTTP_PROPFIND },
    { ngx_string("PROPPATCH"), NGX_HTTP_PROPPATCH },
    { ngx_string("LOCK"), NGX_HTTP_LOCK },
    { ngx_string("UNLOCK"), NGX_HTTP_UNLOCK },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_string("TRACE"), NGX_HTTP_TRACE },
    { ngx_string("CONNECT"), NGX_HTTP_CONNECT },
};


ngx_flag_t
ngx_http_tradesec_method_named(ngx_http_request_t *r,
    const ngx_http_tradesec_methods_t *list)
{
    ngx_uint_t  i;

    for (i = 0; i < list->n; i++) {
        if (ngx_http_tradesec_method_same(&list->names[i], &r->method_name)) {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_tradesec_conf_methods(ngx_conf_t *cf,
    ngx_http_tradesec_methods_t *list, ngx_flag_t none)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (none && cf->args->nelts == 2 && ngx_strcmp(value[1].data, "none") == 0)
    {
        ngx_memzero(list, sizeof(ngx_http_tradesec_methods_t));
        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_conf_method_list(cf, list, &value[1],
                                              cf->args->nelts - 1);
}


char *
ngx_http_tradesec_conf_method_list(ngx_conf_t *cf,
    ngx_http_tradesec_methods_t *list, const ngx_str_t *names, ngx_uint_t n)
{
    ngx_uint_t        i, j;
    const ngx_str_t  *known, *directive;

    directive = cf->args->elts;

    for (i = 0; i < n; i++) {

        if (!ngx_http_tradesec_method_valid(&names[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid method \"%V\" in \"%V\", methods are "
                               "written in upper case, as \"POST\"",
                               &names[i], directive);
            return NGX_CONF_ERROR;
        }

        for (j = 0; j < i; j++) {
            if (ngx_http_tradesec_method_same(&names[i], &names[j])) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate method \"%V\" in \"%V\"",
                                   &names[i], directive);
                return NGX_CONF_ERROR;
            }
        }
    }

    /* the array of arguments is used again for the next directive */

    list->n = n;
    list->known = 0;
    list->names = ngx_pnalloc(cf->pool, n * sizeof(ngx_str_t));
    if (list->names == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy((void *) list->names, names, n * sizeof(ngx_str_t));

    for (i = 0; i < n; i++) {
        for (j = 0; j < sizeof(ngx_http_tradesec_known_methods)
                        / sizeof(ngx_http_tradesec_known_methods[0]); j++)
        {
            known = &ngx_http_tradesec_known_methods[j].name;

            if (ngx_http_tradesec_method_same(&names[i], known)) {
                list->known |= ngx_http_tradesec_known_methods[j].bit;
            }
        }
    }

    return NGX_CONF_OK;
}


/* nginx itself takes no other characters in a method */

static ngx_flag_t
ngx_http_tradesec_method_valid(const ngx_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if ((name->data[i] < 'A' || name->data[i] > 'Z')
            && name->data[i] != '_' && name->data[i] != '-')
        {
            return 0;
        }
    }

    return name->len > 0;
}


static ngx_flag_t
ngx_http_tradesec_method_same(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}
