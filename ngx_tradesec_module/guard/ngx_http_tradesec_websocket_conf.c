/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_websocket.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_jwt_provider.h"
#include "guard/ngx_http_tradesec_websocket_conf.h"
#include "request/ngx_http_tradesec_conf.h"


/* Without message_size= an owner rule bounds what a socket may hold. */

#define NGX_HTTP_TRADESEC_WEBSOCKET_MESSAGE_SIZE  (1024 * 1024)


typedef struct ngx_http_tradesec_websocket_option_s
    ngx_http_tradesec_websocket_option_t;

/* The directive while it is read. */

typedef struct {
    ngx_conf_t                            *cf;
    ngx_http_tradesec_websocket_policy_t  *policy;
    ngx_str_t                             *parameter;
    ngx_str_t                              value;      /* behind the "=" */
    ngx_uint_t                             seen;       /* options, as bits */
} ngx_http_tradesec_websocket_reader_t;


struct ngx_http_tradesec_websocket_option_s {
    ts_slice_t                             name;       /* with its "=" */
    char                                *(*read)(
                              ngx_http_tradesec_websocket_reader_t *reader,
                              const ngx_http_tradesec_websocket_option_t *o);
    size_t                                 offset;     /* in the policy */
    ngx_uint_t                             argument;

    unsigned                               owner:1;    /* only with owner= */
    unsigned                               many:1;     /* may be repeated */
};


static char *ngx_http_tradesec_websocket_option(
    ngx_http_tradesec_websocket_reader_t *reader);
static char *ngx_http_tradesec_websocket_time(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
static char *ngx_http_tradesec_websocket_size(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
static char *ngx_http_tradesec_websocket_rule(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
static char *ngx_http_tradesec_websocket_claim(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
static char *ngx_http_tradesec_websocket_type(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
static char *ngx_http_tradesec_websocket_action(
    ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o);
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

    { { (const uint8_t *) "message_size=", 13 },
      ngx_http_tradesec_websocket_size,
      ngx_http_tradesec_websocket_in(messages.message_size), 0, 0, 0 },

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
      ngx_http_tradesec_websocket_in(messages.foreign),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(LOG), 1, 0 },

    { { (const uint8_t *) "missing=", 8 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(messages.missing),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(PASS), 1, 0 },

    { { (const uint8_t *) "binary=", 7 },
      ngx_http_tradesec_websocket_action,
      ngx_http_tradesec_websocket_in(messages.binary),
      ngx_http_tradesec_websocket_may(DROP)
      | ngx_http_tradesec_websocket_may(CLOSE)
      | ngx_http_tradesec_websocket_may(PASS), 1, 0 },
};

#define NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS                                  \
    (sizeof(ngx_http_tradesec_websocket_options)                             \
     / sizeof(ngx_http_tradesec_websocket_options[0]))


char *
ngx_http_tradesec_websocket_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_policy_t *policy)
{
    ngx_str_t                             *value;
    ngx_uint_t                             i;
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
    reader.policy = policy;

    for (i = 1; i < cf->args->nelts; i++) {
        reader.parameter = &value[i];

        if (ngx_http_tradesec_websocket_option(&reader) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_tradesec_websocket_finish(&reader);
}


static char *
ngx_http_tradesec_websocket_option(
    ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_uint_t                                   i;
    ts_slice_t                                   words[2
                                         + NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS];
    const ngx_http_tradesec_websocket_option_t  *o;

    for (i = 0; i < NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS; i++) {
        o = &ngx_http_tradesec_websocket_options[i];

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

    words[i++] = TS_SLICE("on");
    words[i++] = TS_SLICE("off");

    return ngx_http_tradesec_conf_unknown(reader->cf, reader->parameter,
                                          words, i);
}


static char *
ngx_http_tradesec_websocket_time(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    time_t  *value;

    value = (time_t *) ((u_char *) reader->policy + o->offset);
    *value = ngx_parse_time(&reader->value, 1);

    if (*value == (time_t) NGX_ERROR || *value == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid time in \"%V\", a value such as \"8h\" "
                           "is expected", reader->parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
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

    *(size_t *) ((u_char *) reader->policy + o->offset) = size;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_websocket_rule(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    u_char                         *buf;
    const char                     *mistake;
    ngx_http_tradesec_ws_policy_t  *messages;

    messages = &reader->policy->messages;

    if (messages->rules == NULL) {
        messages->rules = ngx_pcalloc(reader->cf->pool,
                                      sizeof(ts_owner_rules_t));
        if (messages->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    buf = ngx_pnalloc(reader->cf->pool, reader->value.len + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    mistake = ts_owner_add(messages->rules, o->argument,
                           ts_slice(reader->value.data, reader->value.len),
                           buf);

    if (mistake != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0, "\"%V\" %s",
                           reader->parameter, mistake);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_websocket_claim(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    ngx_http_tradesec_websocket_policy_t  *policy;

    policy = reader->policy;

    if (policy->n_claims == NGX_HTTP_TRADESEC_UPGRADE_CLAIMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" is one too many, %d fit",
                           reader->parameter,
                           NGX_HTTP_TRADESEC_UPGRADE_CLAIMS);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_conf_claim_pointer(reader->cf,
                                          &policy->claims[policy->n_claims],
                                          &reader->value))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"%V\" names no claim, a name or a JSON pointer "
                           "such as \"/realm/accounts\" is expected",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    policy->n_claims++;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_websocket_type(ngx_http_tradesec_websocket_reader_t *reader,
    const ngx_http_tradesec_websocket_option_t *o)
{
    if (ngx_strcmp(reader->value.data, "any") == 0) {
        reader->policy->messages.types = 0;

    } else if (ngx_strcmp(reader->value.data, "string") == 0) {
        reader->policy->messages.types = TS_OWNER_STRINGS;

    } else if (ngx_strcmp(reader->value.data, "number") == 0) {
        reader->policy->messages.types = TS_OWNER_NUMBERS;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "invalid parameter \"%V\", \"string\", "
                           "\"number\" or \"any\" is expected",
                           reader->parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
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
        ngx_string("close")
    };

    p = expected;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (!(o->argument & (1u << i))) {
            continue;
        }

        if (ngx_strcmp(reader->value.data, words[i].data) == 0) {
            *(ngx_uint_t *) ((u_char *) reader->policy + o->offset) = i;
            return NGX_CONF_OK;
        }

        p = ngx_sprintf(p, "%s\"%V\"", p == expected ? "" : ", ", &words[i]);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                       "invalid parameter \"%V\", one of %*s is expected",
                       reader->parameter, (size_t) (p - expected), expected);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_websocket_finish(
    ngx_http_tradesec_websocket_reader_t *reader)
{
    ngx_uint_t                      i;
    ngx_http_tradesec_ws_policy_t  *messages;

    messages = &reader->policy->messages;

    if (messages->rules == NULL || messages->rules->owners == 0) {

        for (i = 0; i < NGX_HTTP_TRADESEC_WEBSOCKET_OPTIONS; i++) {

            if ((reader->seen & (1u << i))
                && ngx_http_tradesec_websocket_options[i].owner)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                          "\"%*s\" means nothing without \"owner=\"",
                          ngx_http_tradesec_websocket_options[i].name.len,
                          ngx_http_tradesec_websocket_options[i].name.data);
                return NGX_CONF_ERROR;
            }
        }

        return NGX_CONF_OK;
    }

    if (messages->rules->when_open) {
        ngx_conf_log_error(NGX_LOG_EMERG, reader->cf, 0,
                           "\"when=\" is for the \"owner=\" behind it, and "
                           "there is none");
        return NGX_CONF_ERROR;
    }

    messages->rules->types = messages->types;

    if (messages->message_size == 0) {
        messages->message_size = NGX_HTTP_TRADESEC_WEBSOCKET_MESSAGE_SIZE;
    }

    return NGX_CONF_OK;
}
