/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives tradesec_websocket and tradesec_websocket_client.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/websocket/ngx_http_tradesec_websocket_conf.h"
#include "guard/websocket/ngx_http_tradesec_websocket_options.h"
#include "request/ngx_http_tradesec_conf.h"


/* Without message_size= an owner rule bounds what a socket may hold. */

#define NGX_HTTP_TRADESEC_WEBSOCKET_MESSAGE_SIZE  (1024 * 1024)

/* The same for messages of the client. */

#define NGX_HTTP_TRADESEC_WEBSOCKET_CLIENT_SIZE   (64 * 1024)


static char *ngx_http_tradesec_websocket_read_all(
    ngx_http_tradesec_websocket_reader_t *reader);
static char *ngx_http_tradesec_websocket_option(
    ngx_http_tradesec_websocket_reader_t *reader);
static char *ngx_http_tradesec_websocket_finish(
    ngx_http_tradesec_websocket_reader_t *reader);


#define ngx_http_tradesec_websocket_in(member)                               \
    offsetof(ngx_http_tradesec_websocket_policy_t, member)

#define ngx_http_tradesec_websocket_may(action)                              \
    (1u << NGX_HTTP_TRADESEC_WS_##action)


static const ngx_http_tradesec_websocket_option_t
    ngx_http_tradesec_websocket_options[] = {

    { { (const uint8_t *) "max_age=", 8 },
      ngx_http_tradesec_websocket_time,
      ngx_http_tradesec_websocket_in(max_age), 0, 0, 0 },

    { { (const uint8_t *) "idle=", 5 },
      ngx_http_tradesec_websocket_time,
      ngx_http_tradesec_websocket_in(idle), 0, 0, 0 },

    { { (const uint8_t *) "frozen=", 7 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(frozen),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE), 0, 0 },

    { { (const uint8_t *) "message_size=", 13 },
      ngx_http_tradesec_websocket_size,
      ngx_http_tradesec_websocket_in(server.messages.message_size), 0, 0, 0 },

    { { (const uint8_t *) "owner=", 6 },
      ngx_http_tradesec_websocket_rule, 0, TS_OWNER_RULE, 0, 1 },

    { { (const uint8_t *) "when=", 5 },
      ngx_http_tradesec_websocket_rule, 0, TS_OWNER_WHEN, 1, 1 },

    { { (const uint8_t *) "public=", 7 },
      ngx_http_tradesec_websocket_rule, 0, TS_OWNER_SHOWN, 1, 1 },

    { { (const uint8_t *) "claim=", 6 },
      ngx_http_tradesec_websocket_claim, 0, 0, 1, 1 },

    { { (const uint8_t *) "owner_type=", 11 },
      ngx_http_tradesec_websocket_type, 0, 0, 1, 0 },

    { { (const uint8_t *) "foreign=", 8 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(server.messages.foreign),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(LOG), 1, 0 },

    { { (const uint8_t *) "missing=", 8 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(server.messages.missing),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(PASS), 1, 0 },

    { { (const uint8_t *) "binary=", 7 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(server.messages.binary),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(PASS), 1, 0 },
};


#undef ngx_http_tradesec_websocket_in
#define ngx_http_tradesec_websocket_in(member)                               \
    offsetof(ngx_http_tradesec_websocket_side_t, member)


static const ngx_http_tradesec_websocket_option_t
    ngx_http_tradesec_websocket_client_options[] = {

    { { (const uint8_t *) "message_size=", 13 },
      ngx_http_tradesec_websocket_size,
      ngx_http_tradesec_websocket_in(messages.message_size), 0, 0, 0 },

    { { (const uint8_t *) "rate=", 5 },
      ngx_http_tradesec_websocket_rate,
      ngx_http_tradesec_websocket_in(messages.rate), 0, 0, 0 },

    { { (const uint8_t *) "burst=", 6 },
      ngx_http_tradesec_websocket_burst,
      ngx_http_tradesec_websocket_in(messages.burst), 0, 0, 0 },

    { { (const uint8_t *) "user_rate=", 10 },
      ngx_http_tradesec_websocket_rate,
      ngx_http_tradesec_websocket_in(messages.user_rate), 0, 0, 0 },

    { { (const uint8_t *) "user_burst=", 11 },
      ngx_http_tradesec_websocket_burst,
      ngx_http_tradesec_websocket_in(messages.user_burst), 0, 0, 0 },

    { { (const uint8_t *) "unfrozen=", 9 },
      ngx_http_tradesec_websocket_unfrozen, 0, 0, 0, 1 },

    { { (const uint8_t *) "json_depth=", 11 },
      ngx_http_tradesec_websocket_depth, 0, 0, 0, 0 },

    { { (const uint8_t *) "owner=", 6 },
      ngx_http_tradesec_websocket_rule, 0, TS_OWNER_RULE, 0, 1 },

    { { (const uint8_t *) "when=", 5 },
      ngx_http_tradesec_websocket_rule, 0, TS_OWNER_WHEN, 0, 1 },

    { { (const uint8_t *) "require=", 8 },
      ngx_http_tradesec_websocket_require, 0, 0, 0, 1 },

    { { (const uint8_t *) "claim=", 6 },
      ngx_http_tradesec_websocket_claim, 0, 0, 1, 1 },

    { { (const uint8_t *) "owner_type=", 11 },
      ngx_http_tradesec_websocket_type, 0, 0, 1, 0 },

    { { (const uint8_t *) "violation=", 10 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(messages.foreign),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE), 0, 0 },

    { { (const uint8_t *) "binary=", 7 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(messages.binary),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(PASS), 0, 0 },
};


#undef ngx_http_tradesec_websocket_in
#define ngx_http_tradesec_websocket_in(member)                               \
    offsetof(ngx_http_tradesec_websocket_token_t, member)


static const ngx_http_tradesec_websocket_option_t
    ngx_http_tradesec_websocket_token_options[] = {

    { { (const uint8_t *) "timeout=", 8 },
      ngx_http_tradesec_websocket_time,
      ngx_http_tradesec_websocket_in(timeout), 0, 0, 0 },

    { { (const uint8_t *) "size=", 5 },
      ngx_http_tradesec_websocket_size,
      ngx_http_tradesec_websocket_in(size), 0, 0, 0 },

    { { (const uint8_t *) "message=", 8 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(message),
      ngx_http_tradesec_websocket_may(PASS)
      | ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(REDACT), 0, 0 },

    { { (const uint8_t *) "other=", 6 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(other),
      ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(DROP), 0, 0 },
};


#define NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS  16


char *
ngx_http_tradesec_websocket_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_policy_t *policy)
{
    ngx_str_t                             *value;
    ngx_http_tradesec_websocket_reader_t   reader;

    value = cf->args->elts;

    policy->enable = 1;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "on") == 0) {
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->enable = 0;
        return NGX_CONF_OK;
    }

    ngx_memzero(&reader, sizeof(ngx_http_tradesec_websocket_reader_t));

    reader.cf = cf;
    reader.options = ngx_http_tradesec_websocket_options;
    reader.n_options = sizeof(ngx_http_tradesec_websocket_options)
                       / sizeof(ngx_http_tradesec_websocket_options[0]);
    reader.conf = policy;
    reader.side = &policy->server;

    if (ngx_http_tradesec_websocket_read_all(&reader) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (policy->server.messages.rules != NULL
        && policy->server.messages.message_size == 0)
    {
        policy->server.messages.message_size =
                                      NGX_HTTP_TRADESEC_WEBSOCKET_MESSAGE_SIZE;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_websocket_client_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_side_t *side)
{
    ngx_http_tradesec_websocket_reader_t  reader;

    ngx_memzero(&reader, sizeof(ngx_http_tradesec_websocket_reader_t));

    reader.cf = cf;
    reader.options = ngx_http_tradesec_websocket_client_options;
    reader.n_options = sizeof(ngx_http_tradesec_websocket_client_options)
                       / sizeof(ngx_http_tradesec_websocket_client_options[0]);
    reader.conf = side;
    reader.side = side;

    side->messages.missing = NGX_HTTP_TRADESEC_WS_PASS;
    side->messages.foreign = NGX_HTTP_TRADESEC_WS_CLOSE;
    side->messages.binary = NGX_CONF_UNSET_UINT;

    if (ngx_http_tradesec_websocket_read_all(&reader) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (side->messages.burst && side->messages.rate == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"burst=\" means nothing without \"rate=\"");
        return NGX_CONF_ERROR;
    }

    if (side->messages.user_burst && side->messages.user_rate == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user_burst=\" means nothing without "
                           "\"user_rate=\"");
        return NGX_CONF_ERROR;
    }

    if (side->messages.user_rate && side->messages.user_burst == 0) {
        side->messages.user_burst = ngx_max(side->messages.user_rate, 1000);
    }

    if (side->messages.rate && side->messages.burst == 0) {
        /* a second's worth, and at least one message */
        side->messages.burst = ngx_max(side->messages.rate, 1000);
    }

    if (side->messages.message_size == 0) {
        side->messages.message_size = NGX_HTTP_TRADESEC_WEBSOCKET_CLIENT_SIZE;
    }

    /* what cannot be read passes only where nothing has to be read */

    if (side->messages.binary == NGX_CONF_UNSET_UINT) {
        side->messages.binary = side->messages.rules
                                ? side->messages.foreign
                                : (ngx_uint_t) NGX_HTTP_TRADESEC_WS_PASS;
    }

    /* without rules every message still waits, to be counted and dropped */

    return ngx_http_tradesec_websocket_rules(&reader) ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
}


char *
ngx_http_tradesec_websocket_token_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_token_t *token)
{
    ngx_http_tradesec_websocket_reader_t  reader;

    ngx_memzero(&reader, sizeof(ngx_http_tradesec_websocket_reader_t));

    reader.cf = cf;
    reader.options = ngx_http_tradesec_websocket_token_options;
    reader.n_options = sizeof(ngx_http_tradesec_websocket_token_options)
                       / sizeof(ngx_http_tradesec_websocket_token_options[0]);
    reader.conf = token;

    return ngx_http_tradesec_websocket_read_all(&reader);
}


static char *
ngx_http_tradesec_websocket_read_all(
    ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = reader->cf->args->elts;

    for (i = 1; i < reader->cf->args->nelts; i++) {
        reader->parameter = &value[i];

        if (ngx_http_tradesec_websocket_option(reader) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return reader->side ? ngx_http_tradesec_websocket_finish(reader)
                        : NGX_CONF_OK;
}


static char *
ngx_http_tradesec_websocket_option(
    ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_uint_t                                   i;
    ts_slice_t                                   words[2
                                         + NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS];
    const ngx_http_tradesec_websocket_option_t  *o;

    for (i = 0; i < reader->n_options; i++) {
        o = &reader->options[i];

        if (reader->parameter->len < o->name.len
            || ngx_strncmp(reader->parameter->data, o->name.data, o->name.len)
               != 0)
        {
            words[i] = o->name;
            continue;
        }

        if ((reader->seen & (1u << i)) && !o->many) {
            ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                               "duplicate parameter \"%V\"",
                               reader->parameter);
            return NGX_CONF_ERROR;
        }

        reader->seen |= 1u << i;
        reader->value.data = reader->parameter->data + o->name.len;
        reader->value.len = reader->parameter->len - o->name.len;

        return o->read(reader, o);
    }

    if (reader->side != NULL) {
        words[i++] = TS_SLICE("off");
    }

    if (reader->side != NULL && reader->conf != reader->side) {
        words[i++] = TS_SLICE("on");
    }

    return ngx_http_tradesec_conf_unknown(reader->cf, reader->parameter,
                                          words, i);
}


static char *
ngx_http_tradesec_websocket_finish(
    ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_uint_t                      i;
    ngx_http_tradesec_ws_policy_t  *messages;

    messages = &reader->side->messages;

    if (messages->rules == NULL || messages->rules->owners == 0) {

        for (i = 0; i < reader->n_options; i++) {

            if ((reader->seen & (1u << i)) && reader->options[i].owner) {
                ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                                   "\"%*s\" means nothing without \"owner=\"",
                                   reader->options[i].name.len,
                                   reader->options[i].name.data);
                return NGX_CONF_ERROR;
            }
        }
    }

    if (messages->rules == NULL) {
        return NGX_CONF_OK;
    }

    if (messages->rules->when_open) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"when=\" is for what stands behind it, and "
                           "nothing does");
        return NGX_CONF_ERROR;
    }

    messages->rules->types = messages->types;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_websocket_limit_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value)
{
    ts_socket_limits_t  *limits = data;

    size_t      i;
    uint32_t   *limit;
    ngx_int_t   n;
    ngx_str_t   text;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "user=", 5 },
        { (const uint8_t *) "address=", 8 },
    };

    i = ngx_http_tradesec_conf_open(value, words, 2, &text);

    if (i == 2) {
        return ngx_http_tradesec_conf_unknown(cf, value, words, 2);
    }

    limit = (i == 0) ? &limits->user : &limits->address;
    n = ngx_atoi(text.data, text.len);

    if (n <= 0 || n > NGX_MAX_INT32_VALUE || *limit) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           *limit ? "duplicate parameter \"%V\""
                                  : "invalid number in \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    *limit = (uint32_t) n;

    return NGX_CONF_OK;
}


const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_websocket_limit_reader = {
    sizeof(ts_socket_limits_t),
    ngx_http_tradesec_websocket_limit_parameter,
    NULL
};
