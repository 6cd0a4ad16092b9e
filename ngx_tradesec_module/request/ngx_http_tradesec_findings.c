/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_findings.h"


static const ngx_http_tradesec_accepted_t *ngx_http_tradesec_is_accepted(
    const ngx_http_tradesec_place_t *place, ts_finding_e id);
static void ngx_http_tradesec_finding_print(ngx_conf_t *cf, ngx_uint_t level,
    const ngx_http_tradesec_found_t *found);


ngx_int_t
ngx_http_tradesec_findings_init(ngx_conf_t *cf,
    ngx_http_tradesec_findings_t *findings)
{
    findings->places = NULL;
    findings->last = &findings->places;
    findings->level = NGX_CONF_UNSET_UINT;

    return ngx_array_init(&findings->found, cf->pool, 4,
                          sizeof(ngx_http_tradesec_found_t));
}


ngx_http_tradesec_place_t *
ngx_http_tradesec_place_create(ngx_conf_t *cf)
{
    ngx_http_tradesec_place_t  *place;

    place = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_place_t));

    if (place != NULL && cf->conf_file != NULL) {
        place->file = cf->conf_file->file.name;
        place->line = cf->conf_file->line;
    }

    return place;
}


void
ngx_http_tradesec_place_merge(ngx_conf_t *cf, ngx_http_tradesec_place_t *place,
    ngx_http_tradesec_place_t *parent, ngx_flag_t on)
{
    ngx_http_conf_ctx_t             *ctx;
    ngx_http_tradesec_findings_t    *findings;
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ctx = cf->ctx;
    place->ctx = *ctx;
    place->parent = parent;
    place->on = on;
    place->inner = clcf->internal || clcf->named
                   || (clcf->noname && parent->inner);

    findings = ngx_http_tradesec_conf_findings(cf);
    *findings->last = place;
    findings->last = &place->next;

    for ( /* void */ ; on && place != NULL; place = place->parent) {
        place->on_below = 1;
    }
}


/* Of all merged places, servers are those right below http. */

ngx_flag_t
ngx_http_tradesec_place_is_server(const ngx_http_tradesec_place_t *place)
{
    return place->parent != NULL && place->parent->parent == NULL;
}


void
ngx_http_tradesec_finding(ngx_conf_t *cf, ts_finding_e id)
{
    ngx_http_tradesec_place_t  *place;

    place = ngx_http_tradesec_conf_place(cf);

    ngx_http_tradesec_finding_at(cf, id, place, &place->file, place->line,
                                 NULL);
}


void
ngx_http_tradesec_finding_at(ngx_conf_t *cf, ts_finding_e id,
    ngx_http_tradesec_place_t *place, const ngx_str_t *file, ngx_uint_t line,
    const ngx_str_t *detail)
{
    ngx_http_tradesec_found_t  *found;

    if (place->found & (uint64_t) 1 << id) {
        return;
    }

    found = ngx_array_push(&ngx_http_tradesec_conf_findings(cf)->found);

    if (found == NULL) {
        return;
    }

    place->found |= (uint64_t) 1 << id;

    ngx_memzero(found, sizeof(ngx_http_tradesec_found_t));
    found->id = id;
    found->place = place;
    found->file = *file;
    found->line = line;

    if (detail != NULL) {
        found->detail = *detail;
    }
}


static const ngx_http_tradesec_accepted_t *
ngx_http_tradesec_is_accepted(const ngx_http_tradesec_place_t *place,
    ts_finding_e id)
{
    ngx_uint_t                           i;
    const ngx_http_tradesec_accepted_t  *accepted;

    for ( /* void */ ; place != NULL; place = place->parent) {

        if (place->accepted == NULL) {
            continue;
        }

        accepted = place->accepted->elts;

        for (i = 0; i < place->accepted->nelts; i++) {
            if (accepted[i].id == id) {
                return &accepted[i];
            }
        }
    }

    return NULL;
}


void
ngx_http_tradesec_finding_secret(ngx_conf_t *cf, const ngx_str_t *file)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR
        && (fi.st_mode & S_IROTH))
    {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_SECRET_READABLE,
                                     ngx_http_tradesec_conf_place(cf),
                                     &cf->conf_file->file.name,
                                     cf->conf_file->line, file);
    }
}


ngx_int_t
ngx_http_tradesec_findings_print(ngx_conf_t *cf)
{
    ngx_uint_t                     i, n, level;
    ngx_http_tradesec_found_t     *found;
    ngx_http_tradesec_findings_t  *findings;

    findings = ngx_http_tradesec_conf_findings(cf);
    ngx_conf_init_uint_value(findings->level, NGX_HTTP_TRADESEC_FINDINGS_WARN);

    level = findings->level == NGX_HTTP_TRADESEC_FINDINGS_ERROR
            ? NGX_LOG_EMERG : NGX_LOG_WARN;

    found = findings->found.elts;
    n = 0;

    for (i = 0; i < findings->found.nelts; i++) {
        found[i].accepted = ngx_http_tradesec_is_accepted(found[i].place,
                                                          found[i].id);

        if (found[i].accepted == NULL) {
            ngx_http_tradesec_finding_print(cf, level, &found[i]);
            n++;
        }
    }

    return n && level == NGX_LOG_EMERG ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_tradesec_finding_print(ngx_conf_t *cf, ngx_uint_t level,
    const ngx_http_tradesec_found_t *found)
{
    u_char                          *p;
    ngx_str_t                        where;
    const ts_finding_t              *finding;
    const ngx_http_core_loc_conf_t  *clcf;
    u_char                           buf[NGX_MAX_ERROR_STR / 4];

    finding = &ts_findings[found->id];

    if (found->place->parent == NULL) {
        ngx_str_set(&where, "http");

    } else if (ngx_http_tradesec_place_is_server(found->place)) {
        ngx_str_set(&where, "server");

    } else {
        clcf = found->place->ctx.loc_conf[ngx_http_core_module.ctx_index];
        p = clcf->noname
            ? ngx_snprintf(buf, sizeof(buf), "an inner block")
            : ngx_snprintf(buf, sizeof(buf), "location \"%V\"", &clcf->name);

        where.data = buf;
        where.len = p - buf;
    }

    ngx_log_error(level, cf->log, 0,
                  "tradesec: finding %s in %V at %V:%ui: %s%s%V; %s",
                  finding->name, &where, &found->file, found->line,
                  finding->problem, found->detail.len ? ": " : "",
                  &found->detail, finding->advice);
}


char *
ngx_http_tradesec_accept(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ts_finding_e                   id;
    ngx_http_tradesec_place_t     *place;
    ngx_http_tradesec_accepted_t  *accepted;

    value = cf->args->elts;
    id = ts_finding_find(ts_slice(value[1].data, value[1].len));

    if (id == TS_FINDING_N) {
        return ngx_http_tradesec_conf_unknown(cf, &value[1], ts_finding_names,
                                              TS_FINDING_N);
    }

    place = ngx_http_tradesec_conf_place(cf);

    if (place->accepted == NULL) {
        place->accepted = ngx_array_create(cf->pool, 1,
                                         sizeof(ngx_http_tradesec_accepted_t));
        if (place->accepted == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    accepted = place->accepted->elts;

    for (i = 0; i < place->accepted->nelts; i++) {
        if (accepted[i].id == id) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the finding \"%V\" is accepted twice here",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    accepted = ngx_array_push(place->accepted);
    if (accepted == NULL) {
        return NGX_CONF_ERROR;
    }

    accepted->id = id;
    ngx_str_null(&accepted->why);

    if (cf->args->nelts == 3) {
        accepted->why = value[2];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_findings(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_command_t  slot;

    static ngx_conf_enum_t  words[] = {
        { ngx_string("warn"), NGX_HTTP_TRADESEC_FINDINGS_WARN },
        { ngx_string("error"), NGX_HTTP_TRADESEC_FINDINGS_ERROR },
        { ngx_null_string, 0 }
    };

    slot = *cmd;
    slot.offset = offsetof(ngx_http_tradesec_findings_t, level);
    slot.post = words;

    return ngx_conf_set_enum_slot(cf, &slot,
                                  ngx_http_tradesec_conf_findings(cf));
}
