/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_refusal.h"


#define TS_REFUSAL_ID_MAX  64


typedef struct {
    unsigned    status;
    ts_slice_t  phrase;
} ts_status_t;


static void ts_refusal_clean_id(char *clean, ts_slice_t id);


static const ts_status_t  ts_statuses[] = {
    { 303, { (const uint8_t *) "See Other", 9 } },
    { 400, { (const uint8_t *) "Bad Request", 11 } },
    { 401, { (const uint8_t *) "Unauthorized", 12 } },
    { 403, { (const uint8_t *) "Forbidden", 9 } },
    { 405, { (const uint8_t *) "Method Not Allowed", 18 } },
    { 413, { (const uint8_t *) "Content Too Large", 17 } },
    { 415, { (const uint8_t *) "Unsupported Media Type", 22 } },
    { 425, { (const uint8_t *) "Too Early", 9 } },
    { 426, { (const uint8_t *) "Upgrade Required", 16 } },
    { 429, { (const uint8_t *) "Too Many Requests", 17 } },
    { 500, { (const uint8_t *) "Internal Server Error", 21 } },
    { 502, { (const uint8_t *) "Bad Gateway", 11 } },
    { 503, { (const uint8_t *) "Service Unavailable", 19 } },
};


ts_slice_t
ts_status_phrase(unsigned status)
{
    size_t  i;

    for (i = 0; i < sizeof(ts_statuses) / sizeof(ts_statuses[0]); i++) {
        if (ts_statuses[i].status == status) {
            return ts_statuses[i].phrase;
        }
    }

    return TS_SLICE("Error");
}


int
ts_refusal_wants_html(ts_slice_t accept)
{
    size_t                   i, j;
    static const ts_slice_t  html = { (const uint8_t *) "text/html", 9 };

    for (i = 0; i + html.len <= accept.len; i++) {

        for (j = 0; j < html.len; j++) {
            if ((accept.data[i + j] | 0x20) != (html.data[j] | 0x20)) {
                break;
            }
        }

        if (j == html.len) {
            return 1;
        }
    }

    return 0;
}


/*
 * A body is a text with marks: 1 is the status, 2 its phrase, 3 the id. Its
 * longest form is well below TS_REFUSAL_MAX.
 */

size_t
ts_refusal_body(char *buf, unsigned status, ts_slice_t request_id, int html)
{
    char         id[TS_REFUSAL_ID_MAX + 1], digits[3], *p;
    size_t       len;
    const char  *text;
    ts_slice_t   values[3];

    static const char  page[] =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head><meta charset=\"utf-8\"><title>\1 \2</title></head>\n"
        "<body>\n"
        "<h1>\2</h1>\n"
        "<p>The request was refused. If you think it should not have been, "
        "quote this id to support: <code>\3</code></p>\n"
        "</body>\n"
        "</html>\n";

    static const char  problem[] =
        "{\"type\":\"about:blank\",\"title\":\"\2\",\"status\":\1,"
        "\"request_id\":\"\3\"}\n";

    ts_refusal_clean_id(id, request_id);

    digits[0] = (char) ('0' + status / 100 % 10);
    digits[1] = (char) ('0' + status / 10 % 10);
    digits[2] = (char) ('0' + status % 10);

    values[0] = ts_slice(digits, sizeof(digits));
    values[1] = ts_status_phrase(status);
    values[2] = ts_slice(id, strlen(id));

    p = buf;

    for (text = html ? page : problem; ; text += len + 1) {

        len = strcspn(text, "\1\2\3");
        memcpy(p, text, len);
        p += len;

        if (text[len] == '\0') {
            break;
        }

        memcpy(p, values[text[len] - 1].data, values[text[len] - 1].len);
        p += values[text[len] - 1].len;
    }

    return (size_t) (p - buf);
}


static void
ts_refusal_clean_id(char *clean, ts_slice_t id)
{
    size_t   i, n;
    uint8_t  c;

    n = 0;

    for (i = 0; i < id.len && n < TS_REFUSAL_ID_MAX; i++) {
        c = id.data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '_')
        {
            clean[n++] = (char) c;
        }
    }

    clean[n] = '\0';
}
