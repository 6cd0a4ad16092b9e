/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_login.h"
#include "core/ts_media_type.h"
#include "core/ts_multipart.h"


static ts_login_result_e ts_login_field(const ts_login_request_t *request,
    const ts_field_t *field, ts_form_result_e rc);
static ts_login_result_e ts_login_query(const ts_login_request_t *request,
    const ts_field_t *field);
static ts_login_result_e ts_login_json(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *buf, size_t size,
    ts_slice_t *value);
static int ts_login_json_alike(const ts_json_t *json,
    const ts_json_token_t *object, const ts_field_t *field);
static int ts_login_json_integer(ts_slice_t text);


ts_login_result_e
ts_login_account(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *out, ts_slice_t *account)
{
    uint8_t            buf[TS_FOLD_IN];
    ts_slice_t         value;
    ts_login_result_e  rc;

    rc = ts_login_value(sources, request, buf, sizeof(buf), &value);

    if (rc != TS_LOGIN_OK) {
        return rc;
    }

    return ts_account_normalise(value, out, account) == TS_ACCOUNT_OK
           ? TS_LOGIN_OK : TS_LOGIN_ACCOUNT;
}


ts_login_result_e
ts_login_value(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *buf, size_t size,
    ts_slice_t *value)
{
    ts_slice_t        boundary;
    ts_form_result_e  rc;

    switch (ts_media_type(request->content_type, &boundary)) {

    case TS_MEDIA_TYPE_FORM:

        if (sources->form == NULL) {
            return TS_LOGIN_TYPE;
        }

        rc = ts_form_field(request->body, sources->form, buf, size, value);

        return ts_login_field(request, sources->form, rc);

    case TS_MEDIA_TYPE_MULTIPART:

        if (sources->multipart == NULL) {
            return TS_LOGIN_TYPE;
        }

        rc = ts_multipart_field(request->body, boundary, sources->multipart,
                                value);

        return ts_login_field(request, sources->multipart, rc);

    case TS_MEDIA_TYPE_JSON:

        return sources->json
               ? ts_login_json(sources, request, buf, size, value)
               : TS_LOGIN_TYPE;

    case TS_MEDIA_TYPE_OTHER:
    default:
        return TS_LOGIN_TYPE;
    }
}


static ts_login_result_e
ts_login_field(const ts_login_request_t *request, const ts_field_t *field,
    ts_form_result_e rc)
{
    switch (rc) {

    case TS_FORM_OK:
        return ts_login_query(request, field);

    case TS_FORM_MISSING:
        return TS_LOGIN_MISSING;

    case TS_FORM_AMBIGUOUS:
        return TS_LOGIN_AMBIGUOUS;

    case TS_FORM_MALFORMED:
    default:
        return TS_LOGIN_MALFORMED;
    }
}


/* Backends that join query and body take either for the account. */

static ts_login_result_e
ts_login_query(const ts_login_request_t *request, const ts_field_t *field)
{
    uint8_t     buf[TS_FOLD_IN];
    ts_slice_t  value;

    if (request->query.len == 0) {
        return TS_LOGIN_OK;
    }

    return ts_form_field(request->query, field, buf, sizeof(buf), &value)
           == TS_FORM_MISSING
           ? TS_LOGIN_OK : TS_LOGIN_AMBIGUOUS;
}


int
ts_login_in_query(const ts_login_sources_t *sources, ts_slice_t query)
{
    ts_login_request_t  request;

    request.query = query;

    return (sources->form != NULL
            && ts_login_query(&request, sources->form) != TS_LOGIN_OK)
           || (sources->multipart != NULL
               && ts_login_query(&request, sources->multipart) != TS_LOGIN_OK)
           || (sources->json != NULL
               && ts_login_query(&request, &sources->json_names[0])
                  != TS_LOGIN_OK);
}


static ts_login_result_e
ts_login_json(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *buf, size_t size,
    ts_slice_t *value)
{
    uint32_t                i;
    ts_json_t               json;
    ts_json_pointer_t       parent;
    ts_json_result_e        rc;
    const ts_json_token_t  *token;

    json.tokens = request->tokens;
    json.size = TS_LOGIN_JSON_TOKENS;
    json.max_depth = TS_LOGIN_JSON_DEPTH;

    rc = ts_json_parse(&json, request->body);

    if (rc != TS_JSON_OK) {
        return rc == TS_JSON_DUPLICATE ? TS_LOGIN_AMBIGUOUS
                                       : TS_LOGIN_MALFORMED;
    }

    parent = *sources->json;

    for (i = 0; i < sources->json->n; i++) {
        parent.n = i;
        token = ts_json_get(&json, json.tokens, &parent);

        if (token == NULL) {
            return TS_LOGIN_MISSING;
        }

        if (ts_login_json_alike(&json, token, &sources->json_names[i])) {
            return TS_LOGIN_AMBIGUOUS;
        }
    }

    token = ts_json_get(&json, json.tokens, sources->json);

    if (token == NULL) {
        return TS_LOGIN_MISSING;
    }

    if (token->type == TS_JSON_NUMBER) {
        *value = ts_json_raw(&json, token);

        if (!ts_login_json_integer(*value)) {
            return TS_LOGIN_ACCOUNT;
        }

    } else {
        *value = ts_json_string(&json, token, buf, size);

        if (value->data == NULL) {
            return TS_LOGIN_ACCOUNT;
        }
    }

    return ts_login_query(request, &sources->json_names[0]);
}


/* Whether an object has a member that is not, but may pass for, the field. */

static int
ts_login_json_alike(const ts_json_t *json, const ts_json_token_t *object,
    const ts_field_t *field)
{
    uint8_t                 buf[TS_FOLD_IN];
    uint32_t                i;
    ts_slice_t              name;
    const ts_json_token_t  *token;

    if (object->type != TS_JSON_OBJECT) {
        return 0;
    }

    token = object + 1;

    for (i = 0; i < object->count; i++) {
        name = ts_json_string(json, token, buf, sizeof(buf));

        if (name.data == NULL
            || ts_field_match(field, name) == TS_FIELD_ALIKE)
        {
            return 1;
        }

        token = &json->tokens[token[1].next];
    }

    return 0;
}


/* One spelling: 7 and -7, but not 7.0, 07, 7e0 or -0. */

static int
ts_login_json_integer(ts_slice_t text)
{
    size_t  i, first;

    first = text.data[0] == '-';

    for (i = first; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
    }

    return !(first && text.data[first] == '0');
}
