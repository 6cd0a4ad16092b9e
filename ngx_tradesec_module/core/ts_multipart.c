/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_media_type.h"
#include "core/ts_multipart.h"
#include "core/ts_param.h"


typedef struct {
    const ts_field_t  *field;
    ts_field_match_e   match;
    unsigned           disposition:1;
    unsigned           type:1;
    unsigned           encoding:1;
    unsigned           file:1;
    unsigned           charset:1;   /* the part has one that is not UTF-8 */
} ts_multipart_part_t;


static int ts_multipart_part(ts_slice_t *rest, ts_slice_t delimiter,
    ts_slice_t *content, int *last);
static int ts_multipart_delimited(ts_slice_t *rest, int *last);
static int ts_multipart_headers(ts_slice_t *content,
    ts_multipart_part_t *part);
static int ts_multipart_header(ts_slice_t line, ts_multipart_part_t *part);
static int ts_multipart_disposition(ts_slice_t value,
    ts_multipart_part_t *part);
static int ts_multipart_name(const ts_param_t *param,
    ts_multipart_part_t *part);
static int ts_multipart_type(ts_slice_t value, ts_multipart_part_t *part);
static const uint8_t *ts_multipart_find(ts_slice_t text, ts_slice_t what);


ts_form_result_e
ts_multipart_field(ts_slice_t body, ts_slice_t boundary,
    const ts_field_t *field, ts_slice_t *value)
{
    int                  last;
    uint8_t              buf[2 + TS_MEDIA_TYPE_BOUNDARY];
    uint32_t             n;
    ts_slice_t           rest, content, delimiter;
    ts_multipart_part_t  part;

    *value = ts_slice(NULL, 0);

    buf[0] = buf[1] = '-';
    memcpy(buf + 2, boundary.data, boundary.len);
    delimiter = ts_slice(buf, 2 + boundary.len);

    if (body.len < delimiter.len
        || memcmp(body.data, buf, delimiter.len) != 0)
    {
        return TS_FORM_MALFORMED;
    }

    rest = ts_slice(body.data + delimiter.len, body.len - delimiter.len);

    if (!ts_multipart_delimited(&rest, &last)) {
        return TS_FORM_MALFORMED;
    }

    for (n = 0; !last; n++) {

        memset(&part, 0, sizeof(part));
        part.field = field;

        if (n == TS_MULTIPART_PARTS
            || !ts_multipart_part(&rest, delimiter, &content, &last)
            || !ts_multipart_headers(&content, &part))
        {
            return TS_FORM_MALFORMED;
        }

        if (part.match == TS_FIELD_OTHER) {
            continue;
        }

        if (part.match == TS_FIELD_ALIKE || value->data != NULL || part.file) {
            return TS_FORM_AMBIGUOUS;
        }

        if (part.charset) {
            return TS_FORM_MALFORMED;
        }

        *value = content;
    }

    return value->data != NULL ? TS_FORM_OK : TS_FORM_MISSING;
}


/* Cuts the next part off rest, with the delimiter behind it. */

static int
ts_multipart_part(ts_slice_t *rest, ts_slice_t delimiter, ts_slice_t *content,
    int *last)
{
    size_t          len;
    const uint8_t  *p;

    p = ts_multipart_find(*rest, delimiter);

    if (p == NULL) {
        return 0;
    }

    len = (size_t) (p - rest->data);

    if (len < 2 || p[-2] != '\r' || p[-1] != '\n') {
        return 0;
    }

    *content = ts_slice(rest->data, len - 2);
    *rest = ts_slice(p + delimiter.len, rest->len - len - delimiter.len);

    return ts_multipart_delimited(rest, last);
}


/* What may follow a delimiter: CRLF, or "--" and the end of the body. */

static int
ts_multipart_delimited(ts_slice_t *rest, int *last)
{
    *last = rest->len >= 2 && rest->data[0] == '-' && rest->data[1] == '-';

    if (*last) {
        rest->data += 2;
        rest->len -= 2;

        if (rest->len == 0) {
            return 1;
        }
    }

    if (rest->len < 2 || rest->data[0] != '\r' || rest->data[1] != '\n') {
        return 0;
    }

    rest->data += 2;
    rest->len -= 2;

    return !*last || rest->len == 0;
}


/* Reads the header lines off content: what stays is the part's value. */

static int
ts_multipart_headers(ts_slice_t *content, ts_multipart_part_t *part)
{
    size_t          len;
    uint32_t        n;
    const uint8_t  *p;

    for (n = 0; n <= TS_MULTIPART_HEADERS; n++) {

        p = ts_multipart_find(*content, TS_SLICE("\r\n"));

        if (p == NULL) {
            return 0;
        }

        len = (size_t) (p - content->data);

        if (len != 0
            && !ts_multipart_header(ts_slice(content->data, len), part))
        {
            return 0;
        }

        *content = ts_slice(p + 2, content->len - len - 2);

        if (len == 0) {
            return part->disposition;
        }
    }

    return 0;
}


static int
ts_multipart_header(ts_slice_t line, ts_multipart_part_t *part)
{
    size_t      i, n;
    ts_slice_t  name, value;

    for (n = 0; n < line.len && ts_param_token_char(line.data[n]); n++) {
        /* void */
    }

    if (n == 0 || n == line.len || line.data[n] != ':') {
        return 0;
    }

    for (i = n; i < line.len; i++) {
        if ((line.data[i] < 0x20 && line.data[i] != '\t')
            || line.data[i] == 0x7f)
        {
            return 0;
        }
    }

    name = ts_slice(line.data, n);
    value = ts_param_trim(ts_slice(line.data + n + 1, line.len - n - 1));

    if (ts_slice_eq_nocase(name, TS_SLICE("content-disposition"))) {
        return !part->disposition && ts_multipart_disposition(value, part);
    }

    if (ts_slice_eq_nocase(name, TS_SLICE("content-type"))) {
        return !part->type && ts_multipart_type(value, part);
    }

    if (ts_slice_eq_nocase(name, TS_SLICE("content-transfer-encoding"))) {

        if (part->encoding) {
            return 0;
        }

        part->encoding = 1;

        return ts_slice_eq_nocase(value, TS_SLICE("7bit"))
               || ts_slice_eq_nocase(value, TS_SLICE("8bit"))
               || ts_slice_eq_nocase(value, TS_SLICE("binary"));
    }

    return 1;
}


static int
ts_multipart_disposition(ts_slice_t value, ts_multipart_part_t *part)
{
    int                named, named_file;
    ts_slice_t         rest, type;
    ts_param_t         param;
    ts_param_result_e  rc;

    part->disposition = 1;

    type = TS_SLICE("form-data");

    if (value.len < type.len
        || !ts_slice_eq_nocase(ts_slice(value.data, type.len), type))
    {
        return 0;
    }

    rest = ts_slice(value.data + type.len, value.len - type.len);
    named = named_file = 0;

    while ((rc = ts_param_next(&rest, &param)) == TS_PARAM_OK) {

        if (ts_slice_eq_nocase(param.name, TS_SLICE("name"))) {

            if (named || !ts_multipart_name(&param, part)) {
                return 0;
            }

            named = 1;

        } else if (ts_slice_eq_nocase(param.name, TS_SLICE("filename"))) {

            /* a quoted quote: where the value ends, readers disagree */

            if (named_file
                || ts_multipart_find(param.value, TS_SLICE("\\\"")) != NULL)
            {
                return 0;
            }

            named_file = 1;
            part->file = 1;

        } else if (ts_slice_eq_nocase(param.name, TS_SLICE("filename*"))) {
            part->file = 1;

        } else {
            return 0;
        }
    }

    return rc == TS_PARAM_END && named;
}


/*
 * Browsers write %22 for a quote in a name; who decodes that and who does not
 * sees two names. Commons FileUpload, so Tomcat, decodes "=?utf-8?B?..?=".
 */

static int
ts_multipart_name(const ts_param_t *param, ts_multipart_part_t *part)
{
    if (param->escaped
        || memchr(param->value.data, '%', param->value.len) != NULL
        || ts_multipart_find(param->value, TS_SLICE("=?")) != NULL
        || (!param->quoted
            && memchr(param->value.data, '\'', param->value.len) != NULL))
    {
        return 0;
    }

    part->match = ts_field_match(part->field, param->value);

    return 1;
}


static int
ts_multipart_type(ts_slice_t value, ts_multipart_part_t *part)
{
    size_t             i;
    ts_slice_t         rest;
    ts_param_t         param;
    ts_param_result_e  rc;

    part->type = 1;

    for (i = 0; i < value.len
                && (ts_param_token_char(value.data[i])
                    || value.data[i] == '/'); i++)
    {
        /* void */
    }

    if (i >= sizeof("multipart/") - 1
        && ts_slice_eq_nocase(ts_slice(value.data, sizeof("multipart/") - 1),
                              TS_SLICE("multipart/")))
    {
        return 0;
    }

    rest = ts_slice(value.data + i, value.len - i);

    while ((rc = ts_param_next(&rest, &param)) == TS_PARAM_OK) {

        if (ts_param_is_extended(&param)) {
            return 0;
        }

        if (ts_slice_eq_nocase(param.name, TS_SLICE("charset"))
            && !ts_slice_eq_nocase(param.value, TS_SLICE("utf-8"))
            && !ts_slice_eq_nocase(param.value, TS_SLICE("us-ascii")))
        {
            part->charset = 1;
        }
    }

    return rc == TS_PARAM_END;
}


static const uint8_t *
ts_multipart_find(ts_slice_t text, ts_slice_t what)
{
    const uint8_t  *p, *end;

    if (text.len < what.len) {
        return NULL;
    }

    p = text.data;
    end = p + text.len - what.len + 1;

    while (p < end) {
        p = memchr(p, what.data[0], (size_t) (end - p));

        if (p == NULL) {
            return NULL;
        }

        if (memcmp(p, what.data, what.len) == 0) {
            return p;
        }

        p++;
    }

    return NULL;
}
