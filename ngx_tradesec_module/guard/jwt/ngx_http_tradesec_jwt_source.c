/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The line jwks_uri of a provider.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt_options.h"
#include "request/ngx_http_tradesec_conf.h"


#define NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES  4


/* A time of the line; all in milliseconds. */

typedef struct {
    ts_slice_t  name;       /* with "=" */
    size_t      offset;     /* in the limits */
    int64_t     least;
    int64_t     most;
    int64_t     otherwise;
} ngx_http_tradesec_jwt_source_time_t;


static ngx_flag_t ngx_http_tradesec_jwt_is_path(const ngx_str_t *uri);


#define ngx_http_tradesec_jwt_source_time(text, field, least, most, otherwise) \
    { { (const uint8_t *) text, sizeof(text) - 1 },                          \
      offsetof(ts_key_source_limits_t, field), least, most, otherwise }

static const ngx_http_tradesec_jwt_source_time_t
    ngx_http_tradesec_jwt_source_times[NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES] = {

    ngx_http_tradesec_jwt_source_time("refresh=", refresh,
                                      1000, 86400000, 600000),
    ngx_http_tradesec_jwt_source_time("stale=", stale,
                                      1000, 2592000000, 86400000),
    ngx_http_tradesec_jwt_source_time("interval=", interval,
                                      1000, 3600000, 10000),
    ngx_http_tradesec_jwt_source_time("timeout=", timeout,
                                      100, 60000, 5000),
};


/* jwks_uri /internal/keys refresh=10m stale=1d interval=10s timeout=5s; */

char *
ngx_http_tradesec_jwt_set_uri(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n)
{
    int64_t                                    *field;
    ngx_int_t                                   time;
    ngx_str_t                                   text;
    ngx_uint_t                                  i, j;
    ts_slice_t                     names[NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES];
    ts_key_source_limits_t                     *limits;
    const ngx_http_tradesec_jwt_source_time_t  *times;

    times = ngx_http_tradesec_jwt_source_times;
    limits = &block->provider->limits;

    if (block->file.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jwks_file\", \"pem_file\", \"secret_file\" and "
                           "\"jwks_uri\" exclude each other");
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_jwt_is_path(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"jwks_uri\": write the "
                           "path of an internal location that passes to the "
                           "source", &value[1]);
        return NGX_CONF_ERROR;
    }

    block->provider->uri = value[1];

    for (i = 0; i < NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES; i++) {
        names[i] = times[i].name;
        field = (int64_t *) ((u_char *) limits + times[i].offset);
        *field = times[i].otherwise;
    }

    for (i = 2; i <= n; i++) {

        j = ngx_http_tradesec_conf_open(&value[i], names,
                                        NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES,
                                        &text);

        if (j == NGX_HTTP_TRADESEC_JWT_SOURCE_TIMES) {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], names, j);
        }

        time = ngx_parse_time(&text, 0);

        if (time == NGX_ERROR || time < times[j].least
            || time > times[j].most)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"jwks_uri\": it is "
                               "from %Lms to %Lms", &value[i], times[j].least,
                               times[j].most);
            return NGX_CONF_ERROR;
        }

        field = (int64_t *) ((u_char *) limits + times[j].offset);
        *field = time;
    }

    if (limits->stale < limits->refresh) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"stale\" of \"jwks_uri\" is shorter than "
                           "\"refresh\": the keys would be gone before they "
                           "are fetched anew");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Not a URL, and nothing that nginx would have to decode or divide. */

static ngx_flag_t
ngx_http_tradesec_jwt_is_path(const ngx_str_t *uri)
{
    size_t  i;

    if (uri->len == 0 || uri->data[0] != '/') {
        return 0;
    }

    for (i = 0; i < uri->len; i++) {
        if (uri->data[i] <= ' ' || uri->data[i] >= 0x7f
            || ngx_strchr("?#%", uri->data[i]) != NULL)
        {
            return 0;
        }
    }

    return 1;
}
