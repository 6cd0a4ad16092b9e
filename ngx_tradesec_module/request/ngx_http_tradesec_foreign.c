/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_foreign.h"


typedef char *(*ngx_http_tradesec_setter_pt)(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static const struct {
    ngx_http_tradesec_foreign_e  kind;
    ngx_str_t                    name;
} ngx_http_tradesec_foreign_names[] = {
#define X(kind, name)  { NGX_HTTP_TRADESEC_FOREIGN_##kind, ngx_string(name) },
    NGX_HTTP_TRADESEC_FOREIGN_MAP(X)
#undef X
};

#define NGX_HTTP_TRADESEC_FOREIGN_N                                          \
    (sizeof(ngx_http_tradesec_foreign_names)                                 \
     / sizeof(ngx_http_tradesec_foreign_names[0]))


/* Only the master changes these, and only while it reads a configuration. */

static struct {
    ngx_command_t                *cmd;
    ngx_http_tradesec_setter_pt   set;
} ngx_http_tradesec_watched[NGX_HTTP_TRADESEC_FOREIGN_N];


static char *ngx_http_tradesec_foreign_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_tradesec_foreign_note(ngx_conf_t *cf,
    ngx_http_tradesec_foreign_e kind);


/*
 * The pool goes at the end of every configuration, also of one that failed:
 * the setters must not stay ours, since we may be unloaded.
 */

ngx_int_t
ngx_http_tradesec_foreign_watch(ngx_conf_t *cf)
{
    ngx_uint_t           i, k;
    ngx_command_t       *cmd;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->temp_pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_tradesec_foreign_unwatch;

    for (i = 0; cf->cycle->modules[i]; i++) {

        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE
            || cf->cycle->modules[i]->commands == NULL)
        {
            continue;
        }

        for (cmd = cf->cycle->modules[i]->commands; cmd->name.len; cmd++) {

            for (k = 0; k < NGX_HTTP_TRADESEC_FOREIGN_N; k++) {

                if (ngx_http_tradesec_watched[k].cmd != NULL
                    || cmd->set == ngx_http_tradesec_foreign_set
                    || cmd->name.len
                       != ngx_http_tradesec_foreign_names[k].name.len
                    || ngx_strcmp(cmd->name.data,
                                  ngx_http_tradesec_foreign_names[k].name.data)
                       != 0)
                {
                    continue;
                }

                ngx_http_tradesec_watched[k].cmd = cmd;
                ngx_http_tradesec_watched[k].set = cmd->set;
                cmd->set = ngx_http_tradesec_foreign_set;
            }
        }
    }

    return NGX_OK;
}


void
ngx_http_tradesec_foreign_unwatch(void *data)
{
    ngx_uint_t  k;

    for (k = 0; k < NGX_HTTP_TRADESEC_FOREIGN_N; k++) {

        if (ngx_http_tradesec_watched[k].cmd != NULL) {
            ngx_http_tradesec_watched[k].cmd->set
                                         = ngx_http_tradesec_watched[k].set;
            ngx_http_tradesec_watched[k].cmd = NULL;
        }
    }
}


static char *
ngx_http_tradesec_foreign_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_uint_t  k;

    for (k = 0; k < NGX_HTTP_TRADESEC_FOREIGN_N; k++) {

        if (ngx_http_tradesec_watched[k].cmd != cmd) {
            continue;
        }

        if (ngx_http_tradesec_foreign_note(cf,
                                    ngx_http_tradesec_foreign_names[k].kind)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return ngx_http_tradesec_watched[k].set(cf, cmd, conf);
    }

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_tradesec_foreign_note(ngx_conf_t *cf,
    ngx_http_tradesec_foreign_e kind)
{
    ngx_str_t                    *args;
    ngx_http_tradesec_place_t    *place;
    ngx_http_tradesec_foreign_t  *foreign;

    place = ngx_http_tradesec_conf_place(cf);

    if (place->foreign == NULL) {
        place->foreign = ngx_array_create(cf->pool, 4,
                                          sizeof(ngx_http_tradesec_foreign_t));
        if (place->foreign == NULL) {
            return NGX_ERROR;
        }
    }

    foreign = ngx_array_push(place->foreign);
    args = ngx_palloc(cf->pool, cf->args->nelts * sizeof(ngx_str_t));

    if (foreign == NULL || args == NULL) {
        return NGX_ERROR;
    }

    /* nginx uses the array of the arguments, not their bytes, again */

    ngx_memcpy(args, cf->args->elts, cf->args->nelts * sizeof(ngx_str_t));

    foreign->kind = kind;
    foreign->n = cf->args->nelts;
    foreign->args = args;
    foreign->file = cf->conf_file->file.name;
    foreign->line = cf->conf_file->line;

    return NGX_OK;
}


const ngx_http_tradesec_foreign_t *
ngx_http_tradesec_foreign_next(const ngx_http_tradesec_place_t *place,
    ngx_http_tradesec_foreign_e kind, const char *name, ngx_uint_t *i)
{
    const ngx_http_tradesec_foreign_t  *foreign;

    while (place->foreign != NULL && *i < place->foreign->nelts) {
        foreign = (ngx_http_tradesec_foreign_t *) place->foreign->elts + *i;
        (*i)++;

        if (foreign->kind == kind
            && (name == NULL || ngx_strcmp(foreign->args[0].data, name) == 0))
        {
            return foreign;
        }
    }

    return NULL;
}


const ngx_http_tradesec_foreign_t *
ngx_http_tradesec_foreign_find(const ngx_http_tradesec_place_t *place,
    ngx_http_tradesec_foreign_e kind, const char *name)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    for ( /* void */ ; place != NULL; place = place->parent) {
        i = 0;
        foreign = ngx_http_tradesec_foreign_next(place, kind, name, &i);

        if (foreign != NULL) {
            return foreign;
        }
    }

    return NULL;
}


ngx_flag_t
ngx_http_tradesec_foreign_variable(const ngx_str_t *text, const char *name,
    size_t len)
{
    u_char      *p, *end, *q;
    ngx_flag_t   braced;

    end = text->data + text->len;

    for (p = text->data; p < end; p++) {

        if (*p != '$') {
            continue;
        }

        q = p + 1;
        braced = q < end && *q == '{';
        q += braced;

        if ((size_t) (end - q) < len
            || ngx_strncasecmp(q, (u_char *) name, len) != 0)
        {
            continue;
        }

        q += len;

        if (braced ? q < end && *q == '}'
                   : q == end
                     || !((*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z')
                          || (*q >= '0' && *q <= '9') || *q == '_'))
        {
            return 1;
        }
    }

    return 0;
}
