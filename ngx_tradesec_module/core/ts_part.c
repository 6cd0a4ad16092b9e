/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_media_type.h"
#include "core/ts_member.h"
#include "core/ts_multipart.h"
#include "core/ts_part.h"


static ts_part_e ts_part_query(const ts_part_t *part,
    const ts_part_request_t *request, uint8_t *buf, ts_slice_t *value);
static ts_part_e ts_part_form(const ts_part_t *part,
    const ts_part_request_t *request, uint8_t *buf, ts_slice_t *value);
static ts_part_e ts_part_body_field(const ts_part_t *part,
    const ts_part_request_t *request, uint8_t *buf, ts_slice_t *value);
static ts_part_e ts_part_json(const ts_part_t *part,
    const ts_part_request_t *request, uint8_t *buf, ts_slice_t *value);
static ts_part_e ts_part_json_parse(ts_json_t *json,
    const ts_part_request_t *request);
static int ts_part_absent(ts_slice_t query, const ts_field_t *field);
static ts_part_e ts_part_result(ts_form_result_e rc);


int
ts_part_init(ts_part_t *part, ts_part_place_e place, ts_slice_t text,
    uint8_t *buf)
{
    uint32_t  i;

    part->place = place;

    if (place != TS_PART_JSON) {
        return ts_field_init(&part->field, text);
    }

    if (ts_json_pointer(&part->pointer, text, buf) != 0
        || part->pointer.n == 0)
    {
        return 0;
    }

    for (i = 0; i < part->pointer.n; i++) {
        if (!ts_field_init(&part->names[i], part->pointer.names[i])) {
            return 0;
        }
    }

    return 1;
}


ts_part_e
ts_part_read(const ts_part_t *part, const ts_part_request_t *request,
    uint8_t *buf, ts_slice_t *value)
{
    ts_part_e  rc;

    *value = ts_slice(NULL, 0);

    switch (part->place) {

    case TS_PART_QUERY:
        rc = ts_part_query(part, request, buf, value);
        break;

    case TS_PART_FORM:
        rc = ts_part_form(part, request, buf, value);
        break;

    case TS_PART_JSON:
    default:
        rc = ts_part_json(part, request, buf, value);
    }

    if (rc == TS_PART_OK && value->len > TS_PART_VALUE) {
        return TS_PART_MALFORMED;
    }

    return rc;
}


/*
 * Backends that join query and body may take the field from either: a body of
 * a kind that is read for fields must not have it.
 */

static ts_part_e
ts_part_query(const ts_part_t *part, const ts_part_request_t *request,
    uint8_t *buf, ts_slice_t *value)
{
    uint8_t     other[TS_PART_VALUE];
    ts_part_e   rc;
    ts_json_t   json;
    ts_slice_t  boundary, unused;

    rc = ts_part_result(ts_form_field(request->query, &part->field, buf,
                                      TS_PART_VALUE, value));

    if (rc != TS_PART_OK || request->body.len == 0) {
        return rc;
    }

    switch (ts_media_type(request->content_type, &boundary)) {

    case TS_MEDIA_TYPE_FORM:
    case TS_MEDIA_TYPE_MULTIPART:

        rc = ts_part_body_field(part, request, other, &unused);

        return rc == TS_PART_MISSING ? TS_PART_OK
               : rc == TS_PART_OK ? TS_PART_AMBIGUOUS : rc;

    case TS_MEDIA_TYPE_JSON:

        rc = ts_part_json_parse(&json, request);

        if (rc != TS_PART_OK) {
            return rc;
        }

        return ts_json_member(&json, json.tokens, part->field.name) != NULL
               || ts_member_alike(&json, json.tokens, &part->field)
               ? TS_PART_AMBIGUOUS : TS_PART_OK;

    case TS_MEDIA_TYPE_OTHER:
    default:
        return TS_PART_OK;
    }
}


static ts_part_e
ts_part_form(const ts_part_t *part, const ts_part_request_t *request,
    uint8_t *buf, ts_slice_t *value)
{
    ts_part_e  rc;

    rc = ts_part_body_field(part, request, buf, value);

    if (rc == TS_PART_OK && !ts_part_absent(request->query, &part->field)) {
        return TS_PART_AMBIGUOUS;
    }

    return rc;
}


static ts_part_e
ts_part_body_field(const ts_part_t *part, const ts_part_request_t *request,
    uint8_t *buf, ts_slice_t *value)
{
    ts_slice_t  boundary;

    switch (ts_media_type(request->content_type, &boundary)) {

    case TS_MEDIA_TYPE_FORM:
        return ts_part_result(ts_form_field(request->body, &part->field, buf,
                                            TS_PART_VALUE, value));

    case TS_MEDIA_TYPE_MULTIPART:
        return ts_part_result(ts_multipart_field(request->body, boundary,
                                                 &part->field, value));

    default:
        return TS_PART_TYPE;
    }
}


static ts_part_e
ts_part_json(const ts_part_t *part, const ts_part_request_t *request,
    uint8_t *buf, ts_slice_t *value)
{
    ts_json_t               json;
    ts_part_e               rc;
    ts_slice_t              boundary;
    const ts_json_token_t  *token;

    if (ts_media_type(request->content_type, &boundary) != TS_MEDIA_TYPE_JSON)
    {
        return TS_PART_TYPE;
    }

    rc = ts_part_json_parse(&json, request);

    if (rc != TS_PART_OK) {
        return rc;
    }

    switch (ts_member_find(&json, &part->pointer, part->names, &token)) {

    case TS_MEMBER_OK:
        break;

    case TS_MEMBER_AMBIGUOUS:
        return TS_PART_AMBIGUOUS;

    default:
        return TS_PART_MISSING;
    }

    if (!ts_part_absent(request->query, &part->names[0])) {
        return TS_PART_AMBIGUOUS;
    }

    *value = ts_member_text(&json, token, buf, TS_PART_VALUE);

    return value->data != NULL ? TS_PART_OK : TS_PART_MALFORMED;
}


static ts_part_e
ts_part_json_parse(ts_json_t *json, const ts_part_request_t *request)
{
    json->tokens = request->tokens;
    json->size = TS_PART_JSON_TOKENS;
    json->max_depth = TS_PART_JSON_DEPTH;

    switch (ts_json_parse(json, request->body)) {

    case TS_JSON_OK:
        return TS_PART_OK;

    case TS_JSON_DUPLICATE:
        return TS_PART_AMBIGUOUS;

    default:
        return TS_PART_MALFORMED;
    }
}


static int
ts_part_absent(ts_slice_t query, const ts_field_t *field)
{
    uint8_t     buf[TS_PART_VALUE];
    ts_slice_t  value;

    return query.len == 0
           || ts_form_field(query, field, buf, sizeof(buf), &value)
              == TS_FORM_MISSING;
}


static ts_part_e
ts_part_result(ts_form_result_e rc)
{
    switch (rc) {

    case TS_FORM_OK:
        return TS_PART_OK;

    case TS_FORM_MISSING:
        return TS_PART_MISSING;

    case TS_FORM_AMBIGUOUS:
        return TS_PART_AMBIGUOUS;

    case TS_FORM_MALFORMED:
    default:
        return TS_PART_MALFORMED;
    }
}
