/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For operators: whether Redis is away, how often and for how long it was, and
 * who has judged the attempts to log in (tradesec_redis_status), as JSON or in
 * the text format of Prometheus.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_operators.h"
#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "store/ngx_http_tradesec_redis.h"


#define NGX_HTTP_TRADESEC_LOGIN_STATUS  2048    /* the longest answer */


static ngx_int_t ngx_http_tradesec_login_redis_handler(ngx_http_request_t *r);


static const char  ngx_http_tradesec_login_redis_json[] =
    "{\"workers\":%ui,\"away\":%ui,\"times_away\":%uL,"
    "\"seconds_away\":%uL.%03uL,\n"
    "\"attempts\":{\"redis\":%uL,\"local\":%uL,\"closed\":%uL,\"open\":%uL},\n"
    "\"events\":{\"told\":%uL,\"lost\":%uL}}\n";

static const char  ngx_http_tradesec_login_redis_metrics[] =
    "# TYPE tradesec_redis_workers gauge\n"
    "tradesec_redis_workers %ui\n"
    "# TYPE tradesec_redis_workers_away gauge\n"
    "tradesec_redis_workers_away %ui\n"
    "# TYPE tradesec_redis_away_total counter\n"
    "tradesec_redis_away_total %uL\n"
    "# TYPE tradesec_redis_away_seconds_total counter\n"
    "tradesec_redis_away_seconds_total %uL.%03uL\n"
    "# TYPE tradesec_login_attempts_total counter\n"
    "tradesec_login_attempts_total{store=\"redis\"} %uL\n"
    "tradesec_login_attempts_total{store=\"local\"} %uL\n"
    "tradesec_login_attempts_total{store=\"closed\"} %uL\n"
    "tradesec_login_attempts_total{store=\"open\"} %uL\n"
    "# TYPE tradesec_redis_events_total counter\n"
    "tradesec_redis_events_total{result=\"told\"} %uL\n"
    "tradesec_redis_events_total{result=\"lost\"} %uL\n";


char *
ngx_http_tradesec_login_redis_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (llcf->redis_allow != NULL) {
        return "is duplicate";
    }

    if (ngx_http_tradesec_operators_conf(cf, &llcf->redis_allow)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tradesec_login_redis_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_login_redis_merge(ngx_conf_t *cf,
    const ngx_http_tradesec_login_conf_t *conf)
{
    if (conf->redis_allow == NULL) {
        return NGX_CONF_OK;
    }

    ngx_http_tradesec_conf_serve(cf, ngx_http_tradesec_login_redis_handler);

    if (ngx_http_tradesec_conf_redis(cf) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_redis_status\" has nothing to show "
                           "without Redis: write \"tradesec_redis\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_login_redis_handler(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_buf_t                             *b;
    ngx_str_t                              format;
    ngx_flag_t                             metrics;
    const uint64_t                        *n;
    ngx_http_tradesec_redis_sum_t          sum;
    const ngx_http_tradesec_login_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_login_module);

    if (!ngx_http_tradesec_operators_admit(r, llcf->redis_allow,
                                           "tradesec_redis_status"))
    {
        return NGX_HTTP_FORBIDDEN;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    metrics = ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK;

    if (metrics
        && (format.len != 10
            || ngx_strncmp(format.data, "prometheus", 10) != 0))
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_LOGIN_STATUS);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_tradesec_redis_sum(r, &sum);
    n = sum.counts;

    b->last = ngx_snprintf(b->last, NGX_HTTP_TRADESEC_LOGIN_STATUS,
                           metrics ? ngx_http_tradesec_login_redis_metrics
                                   : ngx_http_tradesec_login_redis_json,
                           sum.workers, sum.away,
                           n[NGX_HTTP_TRADESEC_REDIS_TIMES],
                           n[NGX_HTTP_TRADESEC_REDIS_MSEC] / 1000,
                           n[NGX_HTTP_TRADESEC_REDIS_MSEC] % 1000,
                           n[NGX_HTTP_TRADESEC_REDIS_JUDGED],
                           n[NGX_HTTP_TRADESEC_REDIS_LOCAL],
                           n[NGX_HTTP_TRADESEC_REDIS_CLOSED],
                           n[NGX_HTTP_TRADESEC_REDIS_ADMITTED],
                           n[NGX_HTTP_TRADESEC_REDIS_TOLD],
                           n[NGX_HTTP_TRADESEC_REDIS_LOST]);

    return ngx_http_tradesec_operators_answer(r, b,
                                              metrics
                                              ? "text/plain; version=0.0.4"
                                              : "application/json");
}
