/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The posture report (tradesec_posture): the findings, and what protects what,
 * as JSON. It is written once, with the configuration it describes.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_utf8.h"
#include "guard/ngx_http_tradesec_operators.h"
#include "guard/posture/ngx_http_tradesec_posture.h"
#include "guard/posture/ngx_http_tradesec_posture_promises.h"
#include "guard/revocation/ngx_http_tradesec_revoke_conf.h"
#include "request/ngx_http_tradesec_request.h"


/* A larger one ends with the last place that fits, and says so. */

#define NGX_HTTP_TRADESEC_POSTURE_MAX  (1024 * 1024)


typedef struct {
    ngx_array_t   text;         /* of bytes */
    ngx_flag_t    failed;       /* no memory */
} ngx_http_tradesec_report_t;


static void ngx_http_tradesec_report_put(ngx_http_tradesec_report_t *report,
    const void *data, size_t len);
static void ngx_http_tradesec_report_text(ngx_http_tradesec_report_t *report,
    const char *name, const ngx_str_t *value);
static void ngx_http_tradesec_report_word(ngx_http_tradesec_report_t *report,
    const char *name, const char *value);
static void ngx_http_tradesec_report_number(ngx_http_tradesec_report_t *report,
    const char *name, ngx_uint_t value);
static void ngx_http_tradesec_report_flag(ngx_http_tradesec_report_t *report,
    const char *name, ngx_flag_t value);
static void ngx_http_tradesec_report_finding(
    ngx_http_tradesec_report_t *report,
    const ngx_http_tradesec_found_t *found);
static void ngx_http_tradesec_report_server(ngx_conf_t *cf,
    ngx_http_tradesec_report_t *report,
    const ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_report_place(ngx_conf_t *cf,
    ngx_http_tradesec_report_t *report,
    const ngx_http_tradesec_place_t *place);


/* A comma, unless nothing of this list or object is in front. */

static void
ngx_http_tradesec_report_next(ngx_http_tradesec_report_t *report)
{
    u_char  last;

    if (report->text.nelts == 0) {
        return;
    }

    last = ((u_char *) report->text.elts)[report->text.nelts - 1];

    if (last != '{' && last != '[' && last != ':') {
        ngx_http_tradesec_report_put(report, ",", 1);
    }
}


static void
ngx_http_tradesec_report_put(ngx_http_tradesec_report_t *report,
    const void *data, size_t len)
{
    u_char  *p;

    p = len ? ngx_array_push_n(&report->text, len) : NULL;

    if (p != NULL) {
        ngx_memcpy(p, data, len);

    } else if (len) {
        report->failed = 1;
    }
}


static void
ngx_http_tradesec_report_string(ngx_http_tradesec_report_t *report,
    const char *text)
{
    ngx_http_tradesec_report_put(report, text, ngx_strlen(text));
}


static void
ngx_http_tradesec_report_name(ngx_http_tradesec_report_t *report,
    const char *name)
{
    ngx_http_tradesec_report_next(report);

    if (name != NULL) {
        ngx_http_tradesec_report_string(report, "\"");
        ngx_http_tradesec_report_string(report, name);
        ngx_http_tradesec_report_string(report, "\":");
    }
}


/* What is no UTF-8, which a configuration may have, would be no JSON. */

static void
ngx_http_tradesec_report_text(ngx_http_tradesec_report_t *report,
    const char *name, const ngx_str_t *value)
{
    u_char     *p;
    size_t      i, len;
    ts_utf8_t   utf8;

    ngx_http_tradesec_report_name(report, name);
    ngx_http_tradesec_report_string(report, "\"");

    len = value->len + ngx_escape_json(NULL, value->data, value->len);
    p = len ? ngx_array_push_n(&report->text, len) : NULL;

    if (p != NULL) {
        (void) ngx_escape_json(p, value->data, value->len);

        ngx_memzero(&utf8, sizeof(ts_utf8_t));

        if (!ts_utf8_feed(&utf8, ts_slice(p, len), NULL, 0)
            || !ts_utf8_complete(&utf8))
        {
            for (i = 0; i < len; i++) {
                p[i] = p[i] < 0x80 ? p[i] : '?';
            }
        }

    } else if (len) {
        report->failed = 1;
    }

    ngx_http_tradesec_report_string(report, "\"");
}


static void
ngx_http_tradesec_report_word(ngx_http_tradesec_report_t *report,
    const char *name, const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    ngx_http_tradesec_report_text(report, name, &text);
}


static void
ngx_http_tradesec_report_number(ngx_http_tradesec_report_t *report,
    const char *name, ngx_uint_t value)
{
    u_char  buf[NGX_INT_T_LEN];

    ngx_http_tradesec_report_name(report, name);
    ngx_http_tradesec_report_put(report, buf,
                                 ngx_sprintf(buf, "%ui", value) - buf);
}


static void
ngx_http_tradesec_report_flag(ngx_http_tradesec_report_t *report,
    const char *name, ngx_flag_t value)
{
    ngx_http_tradesec_report_name(report, name);
    ngx_http_tradesec_report_string(report, value ? "true" : "false");
}


ngx_int_t
ngx_http_tradesec_posture_report(ngx_conf_t *cf)
{
    size_t                                 i, end;
    ngx_flag_t                             server, truncated;
    ngx_http_conf_ctx_t                   *ctx, main;
    const ngx_http_tradesec_found_t       *found;
    const ngx_http_tradesec_place_t       *place;
    ngx_http_tradesec_report_t             report;
    const ngx_http_tradesec_findings_t    *findings;
    ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_revoke_module);

    if (!rmcf->reported) {
        return NGX_OK;
    }

    report.failed = 0;

    if (ngx_array_init(&report.text, cf->pool, 4096, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx = cf->ctx;
    main = *ctx;
    truncated = 0;
    server = 0;

    findings = ngx_http_tradesec_conf_findings(cf);
    found = findings->found.elts;

    ngx_http_tradesec_report_string(&report, "{\"findings\":[");

    for (i = 0; i < findings->found.nelts && !truncated; i++) {
        ngx_http_tradesec_report_finding(&report, &found[i]);
        truncated = report.text.nelts > NGX_HTTP_TRADESEC_POSTURE_MAX / 2;
    }

    ngx_http_tradesec_report_string(&report, "],\n\"servers\":[");

    for (place = findings->places; place != NULL; place = place->next) {
        *ctx = place->ctx;
        end = report.text.nelts;

        if (end > NGX_HTTP_TRADESEC_POSTURE_MAX) {
            truncated = 1;
            break;
        }

        if (ngx_http_tradesec_place_is_server(place)) {
            if (server) {
                ngx_http_tradesec_report_string(&report, "]}");
            }

            ngx_http_tradesec_report_server(cf, &report, place);
            server = 1;
        }

        ngx_http_tradesec_report_place(cf, &report, place);
    }

    *ctx = main;

    ngx_http_tradesec_report_string(&report, server ? "]}]" : "]");
    ngx_http_tradesec_report_flag(&report, "truncated", truncated);
    ngx_http_tradesec_report_string(&report, "}\n");

    rmcf->posture.data = report.text.elts;
    rmcf->posture.len = report.text.nelts;

    return report.failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_tradesec_report_finding(ngx_http_tradesec_report_t *report,
    const ngx_http_tradesec_found_t *found)
{
    const ts_finding_t              *finding;
    const ngx_http_core_loc_conf_t  *clcf;

    finding = &ts_findings[found->id];

    ngx_http_tradesec_report_next(report);
    ngx_http_tradesec_report_string(report, "\n{");
    ngx_http_tradesec_report_word(report, "name", finding->name);
    ngx_http_tradesec_report_word(report, "severity", finding->severity);

    if (found->place->parent != NULL) {
        clcf = found->place->ctx.loc_conf[ngx_http_core_module.ctx_index];
        ngx_http_tradesec_report_text(report, "location", &clcf->name);
    }

    ngx_http_tradesec_report_text(report, "file", &found->file);
    ngx_http_tradesec_report_number(report, "line", found->line);
    ngx_http_tradesec_report_word(report, "problem", finding->problem);
    ngx_http_tradesec_report_word(report, "advice", finding->advice);
    ngx_http_tradesec_report_flag(report, "accepted", found->accepted != NULL);

    if (found->accepted != NULL) {
        ngx_http_tradesec_report_text(report, "why", &found->accepted->why);
    }

    ngx_http_tradesec_report_string(report, "}");
}


/* The list of its locations stays open. */

static void
ngx_http_tradesec_report_server(ngx_conf_t *cf,
    ngx_http_tradesec_report_t *report, const ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                       i;
    ngx_http_server_name_t          *names;
    const ngx_http_core_srv_conf_t  *cscf;
    ngx_http_tradesec_listens_t      listens;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    names = cscf->server_names.elts;
    listens = ngx_http_tradesec_posture_listens(cf);

    ngx_http_tradesec_report_next(report);
    ngx_http_tradesec_report_string(report, "\n{\"names\":[");

    for (i = 0; i < cscf->server_names.nelts; i++) {
        ngx_http_tradesec_report_text(report, NULL, &names[i].name);
    }

    ngx_http_tradesec_report_string(report, "]");
    ngx_http_tradesec_report_text(report, "file", &place->file);
    ngx_http_tradesec_report_number(report, "line", place->line);
    ngx_http_tradesec_report_flag(report, "tls", listens.tls);
    ngx_http_tradesec_report_flag(report, "plain", listens.plain);
    ngx_http_tradesec_report_name(report, "locations");
    ngx_http_tradesec_report_string(report, "[");
}


/* A server's own place is that of what no location takes: its name is empty. */

static void
ngx_http_tradesec_report_place(ngx_conf_t *cf,
    ngx_http_tradesec_report_t *report, const ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                       i;
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname) {
        return;
    }

    ngx_http_tradesec_report_next(report);
    ngx_http_tradesec_report_string(report, "\n {");
    ngx_http_tradesec_report_text(report, "location", &clcf->name);
    ngx_http_tradesec_report_number(report, "line", place->line);
    ngx_http_tradesec_report_flag(report, "on", place->on);
    ngx_http_tradesec_report_flag(report, "internal", place->inner);
    ngx_http_tradesec_report_word(report, "without_token",
                           ngx_http_tradesec_posture_without_token(cf, place));

    ngx_http_tradesec_report_name(report, "guards");
    ngx_http_tradesec_report_string(report, "{");

    for (i = 0; place->guards != NULL && i < NGX_HTTP_TRADESEC_GUARD_N; i++) {
        if (place->guards[i] != NULL) {
            ngx_http_tradesec_report_word(report,
                        (const char *) ngx_http_tradesec_guard_name(i)->data,
                        ngx_http_tradesec_posture_dry_run(place, i)
                        ? "dry_run" : "on");
        }
    }

    ngx_http_tradesec_report_string(report, "}");
    ngx_http_tradesec_report_name(report, "promises");
    ngx_http_tradesec_report_string(report, "[");

    for (i = 0; i < NGX_HTTP_TRADESEC_PROMISE_N; i++) {
        if (ngx_http_tradesec_posture_keeps(cf, place, i)) {
            ngx_http_tradesec_report_word(report, NULL,
                                          ngx_http_tradesec_promises[i]);
        }
    }

    ngx_http_tradesec_report_string(report, "]}");
}


ngx_int_t
ngx_http_tradesec_posture_handler(ngx_http_request_t *r)
{
    ngx_int_t                                    rc;
    ngx_buf_t                                   *b;
    const ngx_http_tradesec_revoke_conf_t       *rcf;
    const ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_revoke_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_revoke_module);

    rc = ngx_http_tradesec_operators_read(r, rcf->posture,
                                          "tradesec_posture");
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = rmcf->posture.data;
    b->last = b->pos + rmcf->posture.len;
    b->memory = 1;

    return ngx_http_tradesec_operators_answer(r, b, "application/json");
}


char *
ngx_http_tradesec_posture_location_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_revoke_conf_t  *rcf = conf;

    ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_revoke_module);
    rmcf->reported = 1;

    return ngx_http_tradesec_operators_location(cf, &rcf->posture,
                                            ngx_http_tradesec_posture_handler);
}
