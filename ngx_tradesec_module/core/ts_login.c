/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_login.h"
#include "core/ts_media_type.h"
#include "core/ts_member.h"
#include "core/ts_multipart.h"


static ts_login_result_e ts_login_field(const ts_login_request_t *request,
    const ts_field_t *field, ts_form_result_e rc);
static ts_login_result_e ts_login_query(const ts_login_request_t *request,
    const ts_field_t *field);
static ts_login_result_e ts_login_json(const ts_login_sources_t *sources,
    const ts_login_request_t *request, uint8_t *buf, size_t size,
    ts_slice_t *value);


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
    ts_json_t               json;
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

    switch (ts_member_find(&json, sources->json, sources->json_names, &token))
    {

    case TS_MEMBER_OK:
        break;

    case TS_MEMBER_AMBIGUOUS:
        return TS_LOGIN_AMBIGUOUS;

    default:
        return TS_LOGIN_MISSING;
    }

    *value = ts_member_text(&json, token, buf, size);

    if (value->data == NULL) {
        return TS_LOGIN_ACCOUNT;
    }

    return ts_login_query(request, &sources->json_names[0]);
}
