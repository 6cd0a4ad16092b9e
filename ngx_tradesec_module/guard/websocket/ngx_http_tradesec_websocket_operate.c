/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For operators: which sockets are open, and what went through all of them
 * (tradesec_websockets), as JSON or in the text format of Prometheus.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_operators.h"
#include "guard/websocket/ngx_http_tradesec_websocket_conf.h"


#define NGX_HTTP_TRADESEC_WEBSOCKETS_LISTED  100   /* sockets in one answer */

/* the longest line of an answer; escaped, a byte may become six */

#define NGX_HTTP_TRADESEC_WEBSOCKETS_LINE                                    \
    (6 * (TS_SOCKETS_USER + TS_SOCKETS_LOCATION) + TS_SOCKETS_ADDRESS + 320)

#define NGX_HTTP_TRADESEC_WEBSOCKETS_FRAME                                   \
    (512 + 2 * TS_TRAFFIC_REASONS * 128)


typedef struct {
    ts_traffic_t   traffic;
    uint32_t       open;
    uint32_t       room;
} ngx_http_tradesec_websockets_sum_t;


static ngx_int_t ngx_http_tradesec_websockets_metrics(ngx_http_request_t *r,
    const ngx_http_tradesec_websockets_sum_t *sum);
static u_char *ngx_http_tradesec_websockets_put_metric(u_char *p,
    const char *name, const char *label, const uint64_t *values);
static ngx_int_t ngx_http_tradesec_websockets_json(ngx_http_request_t *r,
    const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_tradesec_websockets_sum_t *sum);
static ngx_int_t ngx_http_tradesec_websockets_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static u_char *ngx_http_tradesec_websockets_put_reasons(u_char *p,
    const char *name, const uint64_t *values);
static u_char *ngx_http_tradesec_websockets_put_socket(u_char *p,
    const ts_sockets_row_t *row);
static u_char *ngx_http_tradesec_websockets_put_text(u_char *p,
    const char *name, const uint8_t *text, size_t len);


char *
ngx_http_tradesec_websockets(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_websocket_conf_t *wcf = conf;

    ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf,
                                          ngx_http_tradesec_websocket_module);
    wmcf->listed = 1;

    return ngx_http_tradesec_operators_location(cf, &wcf->allow,
                                         ngx_http_tradesec_websockets_handler);
}


ngx_int_t
ngx_http_tradesec_websockets_handler(ngx_http_request_t *r)
{
    ngx_int_t                                       rc;
    ngx_str_t                                       format;
    ngx_http_tradesec_websockets_sum_t              sum;
    const ngx_http_tradesec_websocket_conf_t       *wcf;
    const ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    wcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_websocket_module);

    rc = ngx_http_tradesec_operators_read(r, wcf->allow,
                                          "tradesec_websockets");
    if (rc != NGX_OK) {
        return rc;
    }

    wmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_tradesec_websocket_module);

    if (ngx_http_tradesec_websockets_arg(r, "format", &format) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_tradesec_sockets_sum(wmcf->sockets, &sum.traffic, &sum.open,
                                  &sum.room);

    if (format.len == 0) {
        return ngx_http_tradesec_websockets_json(r, wmcf->sockets, &sum);
    }

    if (format.len == 10
        && ngx_strncmp(format.data, "prometheus", format.len) == 0)
    {
        return ngx_http_tradesec_websockets_metrics(r, &sum);
    }

    return NGX_HTTP_BAD_REQUEST;
}


static ngx_int_t
ngx_http_tradesec_websockets_metrics(ngx_http_request_t *r,
    const ngx_http_tradesec_websockets_sum_t *sum)
{
    u_char              *p;
    ngx_buf_t           *b;
    const ts_traffic_t  *t;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_WEBSOCKETS_FRAME
                                     + 1024);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t = &sum->traffic;

    p = ngx_sprintf(b->last,
                    "# TYPE tradesec_websocket_open gauge\n"
                    "tradesec_websocket_open %uD\n"
                    "# TYPE tradesec_websocket_room gauge\n"
                    "tradesec_websocket_room %uD\n"
                    "# TYPE tradesec_websocket_opened_total counter\n"
                    "tradesec_websocket_opened_total %uL\n"
                    "# TYPE tradesec_websocket_messages_total counter\n"
                    "tradesec_websocket_messages_total"
                    "{direction=\"received\"} %uL\n"
                    "tradesec_websocket_messages_total"
                    "{direction=\"sent\"} %uL\n"
                    "# TYPE tradesec_websocket_bytes_total counter\n"
                    "tradesec_websocket_bytes_total"
                    "{direction=\"received\"} %uL\n"
                    "tradesec_websocket_bytes_total"
                    "{direction=\"sent\"} %uL\n",
                    sum->open, sum->room, t->count[TS_TRAFFIC_OPENED],
                    t->count[TS_TRAFFIC_RECEIVED], t->count[TS_TRAFFIC_SENT],
                    t->count[TS_TRAFFIC_BYTES_RECEIVED],
                    t->count[TS_TRAFFIC_BYTES_SENT]);

    p = ngx_http_tradesec_websockets_put_metric(p,
                   "tradesec_websocket_dropped_total", "reason", t->dropped);
    p = ngx_http_tradesec_websockets_put_metric(p,
                   "tradesec_websocket_closed_total", "reason", t->closed);

    b->last = p;

    return ngx_http_tradesec_operators_answer(r, b,
                                              "text/plain; version=0.0.4");
}


static u_char *
ngx_http_tradesec_websockets_put_metric(u_char *p, const char *name,
    const char *label, const uint64_t *values)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "# TYPE %s counter\n", name);

    for (i = 0; i < TS_TRAFFIC_REASONS; i++) {
        p = ngx_sprintf(p, "%s{%s=\"%s\"} %uL\n", name, label,
                        ts_reasons[TS_REASON_SOCKET_FIRST + i].word,
                        values[i]);
    }

    return p;
}


static ngx_int_t
ngx_http_tradesec_websockets_json(ngx_http_request_t *r,
    const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_tradesec_websockets_sum_t *sum)
{
    u_char                              *p;
    uint32_t                             cursor;
    ngx_buf_t                           *b;
    ngx_int_t                            value;
    ngx_str_t                            text;
    ngx_uint_t                           i, n;
    ts_sockets_row_t                    *rows;
    const ts_traffic_t                  *t;
    ngx_http_tradesec_sockets_filter_t   filter;

    t = &sum->traffic;

    if (ngx_http_tradesec_websockets_arg(r, "user", &filter.user) != NGX_OK
        || ngx_http_tradesec_websockets_arg(r, "location", &filter.location)
           != NGX_OK
        || ngx_http_tradesec_websockets_arg(r, "cursor", &text) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value = text.len ? ngx_atoi(text.data, text.len) : 0;

    if (value == NGX_ERROR || value > NGX_MAX_INT32_VALUE) {
        return NGX_HTTP_BAD_REQUEST;
    }

    cursor = (uint32_t) value;

    rows = ngx_palloc(r->pool, NGX_HTTP_TRADESEC_WEBSOCKETS_LISTED
                               * sizeof(ts_sockets_row_t));
    if (rows == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = ngx_http_tradesec_sockets_list(sockets, &filter, &cursor, rows,
                                       NGX_HTTP_TRADESEC_WEBSOCKETS_LISTED);

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_WEBSOCKETS_FRAME
                                     + n * NGX_HTTP_TRADESEC_WEBSOCKETS_LINE);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(b->last,
                    "{\"open\":%uD,\"room\":%uD,\"opened\":%uL,"
                    "\"received\":%uL,\"sent\":%uL,\"bytes_received\":%uL,"
                    "\"bytes_sent\":%uL",
                    sum->open, sum->room, t->count[TS_TRAFFIC_OPENED],
                    t->count[TS_TRAFFIC_RECEIVED], t->count[TS_TRAFFIC_SENT],
                    t->count[TS_TRAFFIC_BYTES_RECEIVED],
                    t->count[TS_TRAFFIC_BYTES_SENT]);

    p = ngx_http_tradesec_websockets_put_reasons(p, "dropped", t->dropped);
    p = ngx_http_tradesec_websockets_put_reasons(p, "closed", t->closed);

    p = ngx_sprintf(p, ",\n\"sockets\":[");

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s\n", i ? "," : "");
        p = ngx_http_tradesec_websockets_put_socket(p, &rows[i]);
    }

    p = ngx_sprintf(p, "],\"next\":");
    p = cursor ? ngx_sprintf(p, "%uD}\n", cursor)
               : ngx_sprintf(p, "null}\n");

    b->last = p;

    return ngx_http_tradesec_operators_answer(r, b, "application/json");
}


/* Decoded; empty when it is not there. */

static ngx_int_t
ngx_http_tradesec_websockets_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   raw;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        ngx_str_null(value);
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, raw.len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


/* Those that there have been. */

static u_char *
ngx_http_tradesec_websockets_put_reasons(u_char *p, const char *name,
    const uint64_t *values)
{
    ngx_uint_t  i, any;

    p = ngx_sprintf(p, ",\n\"%s\":{", name);

    for (i = 0, any = 0; i < TS_TRAFFIC_REASONS; i++) {
        if (values[i]) {
            p = ngx_sprintf(p, "%s\"%s\":%uL", any++ ? "," : "",
                            ts_reasons[TS_REASON_SOCKET_FIRST + i].word,
                            values[i]);
        }
    }

    return ngx_sprintf(p, "}");
}


static u_char *
ngx_http_tradesec_websockets_put_socket(u_char *p, const ts_sockets_row_t *row)
{
    time_t                     age;
    const ts_socket_detail_t  *d;

    d = &row->detail;

    age = ngx_time() - (time_t) d->since;
    age = ngx_max(age, 0);

    p = ngx_http_tradesec_websockets_put_text(p, "{\"user\":\"", d->user,
                                              d->user_len);
    p = ngx_http_tradesec_websockets_put_text(p, "\",\"location\":\"",
                                              d->location, d->location_len);
    p = ngx_http_tradesec_websockets_put_text(p, "\",\"address\":\"",
                                              d->address, d->address_len);

    return ngx_sprintf(p, "\",\"worker\":%uD,\"seconds\":%T,"
                       "\"received\":%uL,\"sent\":%uL,\"dropped\":%uL,"
                       "\"bytes_received\":%uL,\"bytes_sent\":%uL}",
                       row->worker, age, d->traffic[TS_TRAFFIC_RECEIVED],
                       d->traffic[TS_TRAFFIC_SENT],
                       d->traffic[TS_TRAFFIC_DROPPED],
                       d->traffic[TS_TRAFFIC_BYTES_RECEIVED],
                       d->traffic[TS_TRAFFIC_BYTES_SENT]);
}


static u_char *
ngx_http_tradesec_websockets_put_text(u_char *p, const char *name,
    const uint8_t *text, size_t len)
{
    p = ngx_cpymem(p, name, ngx_strlen(name));

    return (u_char *) ngx_escape_json(p, (u_char *) text, len);
}
