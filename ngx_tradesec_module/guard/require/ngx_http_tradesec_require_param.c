/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The parameters of tradesec_require beside its conditions.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_refusal.h"
#include "guard/require/ngx_http_tradesec_require_conf.h"
#include "request/ngx_http_tradesec_page.h"


typedef struct {
    ts_slice_t   prefix;
    char      *(*set)(ngx_conf_t *cf, ngx_http_tradesec_require_line_t *line,
                      ngx_str_t *value);
} ngx_http_tradesec_require_parameter_t;


static char *ngx_http_tradesec_require_set_name(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_status(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_title(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_code(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_redirect(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_step_up(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_methods(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);
static char *ngx_http_tradesec_require_set_max_age(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value);


#define ngx_http_tradesec_require_prefix(text)                               \
    { (const uint8_t *) text, sizeof(text) - 1 }

/*
 * A claim of such a name is written as a pointer, "/name". The last one is a
 * condition: it may stand in several alternatives.
 */

static const ngx_http_tradesec_require_parameter_t
    ngx_http_tradesec_require_parameters[] = {

    { ngx_http_tradesec_require_prefix("name="),
      ngx_http_tradesec_require_set_name },

    { ngx_http_tradesec_require_prefix("status="),
      ngx_http_tradesec_require_set_status },

    { ngx_http_tradesec_require_prefix("title="),
      ngx_http_tradesec_require_set_title },

    { ngx_http_tradesec_require_prefix("code="),
      ngx_http_tradesec_require_set_code },

    { ngx_http_tradesec_require_prefix("redirect="),
      ngx_http_tradesec_require_set_redirect },

    { ngx_http_tradesec_require_prefix("step_up="),
      ngx_http_tradesec_require_set_step_up },

    { ngx_http_tradesec_require_prefix("methods="),
      ngx_http_tradesec_require_set_methods },

    { ngx_http_tradesec_require_prefix("max_age="),
      ngx_http_tradesec_require_set_max_age },
};

#define NGX_HTTP_TRADESEC_REQUIRE_PARAMETERS                                 \
    (sizeof(ngx_http_tradesec_require_parameters)                            \
     / sizeof(ngx_http_tradesec_require_parameters[0]))


ngx_int_t
ngx_http_tradesec_require_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *word)
{
    ngx_str_t                                     rest;
    ngx_uint_t                                    i;
    const ngx_http_tradesec_require_parameter_t  *parameter;

    for (i = 0; i < NGX_HTTP_TRADESEC_REQUIRE_PARAMETERS; i++) {
        parameter = &ngx_http_tradesec_require_parameters[i];

        if (word->len >= parameter->prefix.len
            && ngx_strncmp(word->data, parameter->prefix.data,
                           parameter->prefix.len)
               == 0)
        {
            break;
        }
    }

    if (i == NGX_HTTP_TRADESEC_REQUIRE_PARAMETERS) {
        return NGX_DECLINED;
    }

    rest.data = word->data + parameter->prefix.len;
    rest.len = word->len - parameter->prefix.len;

    if (i != NGX_HTTP_TRADESEC_REQUIRE_PARAMETERS - 1
        && (line->seen & ((ngx_uint_t) 1 << i)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in "
                           "\"tradesec_require\"", word);
        return NGX_ERROR;
    }

    line->seen |= (ngx_uint_t) 1 << i;

    if (rest.len == 0 || parameter->set(cf, line, &rest) != NGX_CONF_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"tradesec_require\"; a claim of that name is "
                           "written \"/%V\"", word, word);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_tradesec_require_set_name(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    line->rule->name = *value;

    return ts_refusal_is_code(ts_slice(value->data, value->len))
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Those that say nothing else that would not be true. */

static char *
ngx_http_tradesec_require_set_status(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    ngx_int_t   status;
    ngx_uint_t  i;

    static const ngx_int_t  statuses[] = { 402, 403, 404, 409, 422, 428, 451 };

    status = ngx_atoi(value->data, value->len);

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (status == statuses[i]) {
            line->rule->answer.status = status;
            return NGX_CONF_OK;
        }
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_require_set_title(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    line->rule->answer.title = *value;

    return ts_refusal_is_title(ts_slice(value->data, value->len))
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_require_set_code(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    line->rule->answer.code = *value;

    return ts_refusal_is_code(ts_slice(value->data, value->len))
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_require_set_redirect(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    line->rule->redirect = *value;

    return ngx_http_tradesec_conf_is_page(value) ? NGX_CONF_OK
                                                 : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_require_set_step_up(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    line->rule->step_up = *value;

    return ngx_http_tradesec_conf_is_page(value) ? NGX_CONF_OK
                                                 : NGX_CONF_ERROR;
}


/* "POST,PUT", or "unsafe" */

static char *
ngx_http_tradesec_require_set_methods(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    u_char                    *p, *end, *comma;
    ngx_str_t                  names[NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS];
    ngx_uint_t                 n;
    ngx_http_tradesec_rule_t  *rule;

    rule = line->rule;

    if (ngx_strcmp(value->data, "unsafe") == 0) {
        rule->which = NGX_HTTP_TRADESEC_REQUIRE_UNSAFE;
        return NGX_CONF_OK;
    }

    rule->which = NGX_HTTP_TRADESEC_REQUIRE_LISTED;

    end = value->data + value->len;

    for (n = 0, p = value->data; /* void */ ; p = comma + 1) {

        if (n == NGX_HTTP_TRADESEC_REQUIRE_CONDITIONS) {
            return NGX_CONF_ERROR;
        }

        comma = ngx_strlchr(p, end, ',');

        names[n].data = p;
        names[n].len = (comma ? comma : end) - p;
        n++;

        if (comma == NULL) {
            break;
        }
    }

    return ngx_http_tradesec_conf_method_list(cf, &rule->methods, names, n);
}


static char *
ngx_http_tradesec_require_set_max_age(ngx_conf_t *cf,
    ngx_http_tradesec_require_line_t *line, ngx_str_t *value)
{
    time_t           seconds;
    ts_condition_t  *condition;

    static ngx_str_t  auth_time = ngx_string("auth_time");

    seconds = ngx_parse_time(value, 1);

    if (seconds == (time_t) NGX_ERROR || seconds == 0) {
        return NGX_CONF_ERROR;
    }

    condition = ngx_http_tradesec_require_add(cf, line, &auth_time);
    if (condition == NULL) {
        return NGX_CONF_ERROR;
    }

    condition->op = TS_RULE_MAX_AGE;
    condition->number = seconds;
    condition->step_up = 1;

    if (line->max_age == 0 || seconds < line->max_age) {
        line->max_age = seconds;
    }

    return NGX_CONF_OK;
}
