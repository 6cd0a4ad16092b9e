/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/websocket/ngx_http_tradesec_websocket_options.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_identity.h"


char *
ngx_http_tradesec_websocket_time(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    time_t  *value;

    value = (time_t *) ((u_char *) reader->conf + o->offset);
    *value = ngx_parse_time(&reader->value, 1);

    if (*value == (time_t) NGX_ERROR || *value == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid time in \"%V\", a value such as \"8h\" "
                           "is expected", reader->parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_size(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    ssize_t  size;

    size = ngx_parse_size(&reader->value);

    if (size == NGX_ERROR || size == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid size in \"%V\", a value such as \"64k\" "
                           "is expected", reader->parameter);
        return NGX_CONF_ERROR;
    }

    *(size_t *) ((u_char *) reader->conf + o->offset) = size;

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_rate(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    size_t      len;
    ngx_int_t   n;
    ngx_str_t  *value;
    ngx_uint_t  scale;

    value = &reader->value;
    len = value->len;
    n = NGX_ERROR;
    scale = 1;

    if (len > 3 && ngx_strncmp(value->data + len - 3, "r/", 2) == 0) {
        scale = (value->data[len - 1] == 's') ? 1
                : (value->data[len - 1] == 'm') ? 60 : 0;
        n = ngx_atoi(value->data, len - 3);
    }

    if (n <= 0 || n > 1000000 || scale == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid rate in \"%V\", a value such as \"20r/s\" "
                           "or \"100r/m\" is expected", reader->parameter);
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) ((u_char *) reader->conf + o->offset) = n * 1000 / scale;

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_burst(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    ngx_int_t  n;

    n = ngx_atoi(reader->value.data, reader->value.len);

    if (n <= 0 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid number in \"%V\"", reader->parameter);
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) ((u_char *) reader->conf + o->offset) = n * 1000;

    return NGX_CONF_OK;
}


/* POINTER:PATTERN of messages that pass while the server is frozen. */

char *
ngx_http_tradesec_websocket_unfrozen(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    u_char                         *colon;
    ngx_str_t                       value;
    ngx_http_tradesec_ws_frozen_t  *unfrozen;

    value = reader->value;
    unfrozen = reader->unfrozen;

    if (unfrozen == NULL) {
        unfrozen = ngx_pcalloc(reader->cf->pool,
                               sizeof(ngx_http_tradesec_ws_frozen_t));
        reader->unfrozen = unfrozen;
        reader->side->messages.unfrozen = unfrozen;
    }

    if (unfrozen == NULL) {
        return NGX_CONF_ERROR;
    }

    colon = ngx_strlchr(value.data, value.data + value.len, ':');

    if (unfrozen->n == NGX_HTTP_TRADESEC_WS_UNFROZEN
        || colon == NULL
        || colon == value.data
        || colon + 1 == value.data + value.len
        || !ngx_http_tradesec_conf_pointer(reader->cf,
                                     ts_slice(value.data, colon - value.data),
                                     &unfrozen->pointers[unfrozen->n]))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid parameter \"%V\", at most %d of a JSON "
                           "pointer and a pattern such as "
                           "\"/action:cancel*\" are expected",
                           reader->parameter, NGX_HTTP_TRADESEC_WS_UNFROZEN);
        return NGX_CONF_ERROR;
    }

    unfrozen->patterns[unfrozen->n++] = ts_slice(colon + 1,
                                 value.data + value.len - colon - 1);

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_depth(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    ngx_int_t  n;

    n = ngx_atoi(reader->value.data, reader->value.len);

    if (n <= 0 || n > TS_OWNER_DEPTH) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid depth in \"%V\", 1 to %d are possible",
                           reader->parameter, TS_OWNER_DEPTH);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_websocket_rules(reader)) {
        return NGX_CONF_ERROR;
    }

    reader->side->messages.rules->depth = (uint32_t) n;
    reader->side->messages.rules->strict = 1;

    return NGX_CONF_OK;
}


ts_owner_rules_t *
ngx_http_tradesec_websocket_rules(ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_http_tradesec_ws_policy_t  *messages;

    messages = &reader->side->messages;

    if (messages->rules == NULL) {
        messages->rules = ngx_pcalloc(reader->cf->pool,
                                      sizeof(ts_owner_rules_t));
    }

    return messages->rules;
}


char *
ngx_http_tradesec_websocket_rule(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    u_char            *buf;
    const char        *mistake;
    ts_owner_rules_t  *rules;

    rules = ngx_http_tradesec_websocket_rules(reader);
    buf = ngx_pnalloc(reader->cf->pool, reader->value.len + 1);

    if (rules == NULL || buf == NULL) {
        return NGX_CONF_ERROR;
    }

    mistake = ts_owner_add(rules, o->argument,
                           ts_slice(reader->value.data, reader->value.len),
                           buf);

    if (mistake != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0, "\"%V\" %s",
                           reader->parameter, mistake);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_claim(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    ngx_http_tradesec_websocket_side_t  *side;

    side = reader->side;

    if (side->n_claims == NGX_HTTP_TRADESEC_UPGRADE_CLAIMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" is one too many, %d fit",
                           reader->parameter,
                           NGX_HTTP_TRADESEC_UPGRADE_CLAIMS);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_conf_claim_pointer(reader->cf,
                                             &side->claims[side->n_claims],
                                             &reader->value))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" names no claim, a name or a JSON pointer "
                           "such as \"/realm/accounts\" is expected",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    side->n_claims++;

    return NGX_CONF_OK;
}


/* CLAIM:VALUE, for the messages of the when= in front of it. */

char *
ngx_http_tradesec_websocket_require(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    u_char                                 *colon;
    ngx_str_t                               claim;
    ngx_http_tradesec_websocket_side_t     *side;
    ngx_http_tradesec_websocket_require_t  *require;

    side = reader->side;

    if (side->messages.rules == NULL || side->messages.rules->when == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" needs a \"when=\" in front of it",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    if (side->n_requires == NGX_HTTP_TRADESEC_UPGRADE_REQUIRES) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" is one too many, %d fit",
                           reader->parameter,
                           NGX_HTTP_TRADESEC_UPGRADE_REQUIRES);
        return NGX_CONF_ERROR;
    }

    require = &side->requires[side->n_requires++];

    claim = reader->value;
    colon = ngx_strlchr(claim.data, claim.data + claim.len, ':');

    if (colon != NULL) {
        claim.len = colon - claim.data;
        require->value.data = colon + 1;
        require->value.len = reader->value.len - claim.len - 1;
    }

    if (require->value.len == 0
        || !ngx_http_tradesec_conf_claim_pointer(reader->cf, &require->claim,
                                                &claim))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid parameter \"%V\", a claim and its value "
                           "such as \"role:admin\" are expected",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    require->when = ts_owner_conditions(side->messages.rules);

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_type(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    if (ngx_strcmp(reader->value.data, "any") == 0) {
        reader->side->messages.types = 0;

    } else if (ngx_strcmp(reader->value.data, "string") == 0) {
        reader->side->messages.types = TS_OWNER_STRINGS;

    } else if (ngx_strcmp(reader->value.data, "number") == 0) {
        reader->side->messages.types = TS_OWNER_NUMBERS;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid parameter \"%V\", \"string\", "
                           "\"number\" or \"any\" is expected",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_action(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    u_char      *p, expected[64];
    ngx_uint_t   i;

    static const ngx_str_t  words[] = {
        ngx_string("drop"),          /* as ngx_http_tradesec_ws_action_e */
        ngx_string("pass"),
        ngx_string("log"),
        ngx_string("close"),
        ngx_string("redact")
    };

    p = expected;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (!(o->argument & (1u << i))) {
            continue;
        }

        if (ngx_strcmp(reader->value.data, words[i].data) == 0) {
            *(ngx_uint_t *) ((u_char *) reader->conf + o->offset) = i;
            return NGX_CONF_OK;
        }

        p = ngx_sprintf(p, "%s\"%V\"", p == expected ? "" : ", ", &words[i]);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                       "invalid parameter \"%V\", one of %*s is expected",
                       reader->parameter, (size_t) (p - expected), expected);

    return NGX_CONF_ERROR;
}
