/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_refusal.h"
#include "core/ts_utf8.h"


#define TS_REFUSAL_ID_MAX  64


typedef struct {
    unsigned    status;
    ts_slice_t  phrase;
} ts_status_t;


typedef enum {
    TS_REFUSAL_STATUS = 0,
    TS_REFUSAL_PHRASE,
    TS_REFUSAL_ID_TEXT,
    TS_REFUSAL_CODE_TEXT,
    TS_REFUSAL_END
} ts_refusal_value_e;


typedef struct {
    ts_slice_t          text;
    ts_refusal_value_e  value;      /* stands behind the text */
} ts_piece_t;


static size_t ts_refusal_clean_id(char *clean, ts_slice_t id);


static const ts_status_t  ts_statuses[] = {
    { 303, { (const uint8_t *) "See Other", 9 } },
    { 400, { (const uint8_t *) "Bad Request", 11 } },
    { 401, { (const uint8_t *) "Unauthorized", 12 } },
    { 402, { (const uint8_t *) "Payment Required", 16 } },
    { 403, { (const uint8_t *) "Forbidden", 9 } },
    { 404, { (const uint8_t *) "Not Found", 9 } },
    { 405, { (const uint8_t *) "Method Not Allowed", 18 } },
    { 409, { (const uint8_t *) "Conflict", 8 } },
    { 413, { (const uint8_t *) "Content Too Large", 17 } },
    { 415, { (const uint8_t *) "Unsupported Media Type", 22 } },
    { 422, { (const uint8_t *) "Unprocessable Content", 21 } },
    { 425, { (const uint8_t *) "Too Early", 9 } },
    { 426, { (const uint8_t *) "Upgrade Required", 16 } },
    { 428, { (const uint8_t *) "Precondition Required", 21 } },
    { 429, { (const uint8_t *) "Too Many Requests", 17 } },
    { 451, { (const uint8_t *) "Unavailable For Legal Reasons", 29 } },
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
 * A body is a row of texts, each with what follows it: the status, its phrase
 * or the id. Its longest form is well below TS_REFUSAL_MAX.
 */

size_t
ts_refusal_body(char *buf, const ts_refusal_t *refusal, int html)
{
    char               id[TS_REFUSAL_ID_MAX], digits[3], *p;
    ts_slice_t         values[TS_REFUSAL_END];
    const ts_piece_t  *piece;

#define PIECE(text, value)                                                   \
    { { (const uint8_t *) text, sizeof(text) - 1 }, TS_REFUSAL_##value }

    static const ts_piece_t  page[] = {
        PIECE("<!DOCTYPE html>\n"
              "<html lang=\"en\">\n"
              "<head><meta charset=\"utf-8\"><title>", STATUS),
        PIECE(" ", PHRASE),
        PIECE("</title></head>\n"
              "<body>\n"
              "<h1>", PHRASE),
        PIECE("</h1>\n"
              "<p>The request was refused. If you think it should not have "
              "been, quote this id to support: <code>", ID_TEXT),
        PIECE("</code></p>\n"
              "</body>\n"
              "</html>\n", END),
    };

    static const ts_piece_t  problem[] = {
        PIECE("{\"type\":\"about:blank\",\"title\":\"", PHRASE),
        PIECE("\",\"status\":", STATUS),
        PIECE(",\"request_id\":\"", ID_TEXT),
        PIECE("\"}\n", END),
    };

    static const ts_piece_t  problem_code[] = {
        PIECE("{\"type\":\"about:blank\",\"title\":\"", PHRASE),
        PIECE("\",\"status\":", STATUS),
        PIECE(",\"code\":\"", CODE_TEXT),
        PIECE("\",\"request_id\":\"", ID_TEXT),
        PIECE("\"}\n", END),
    };

#undef PIECE

    digits[0] = (char) ('0' + refusal->status / 100 % 10);
    digits[1] = (char) ('0' + refusal->status / 10 % 10);
    digits[2] = (char) ('0' + refusal->status % 10);

    values[TS_REFUSAL_STATUS] = ts_slice(digits, sizeof(digits));
    values[TS_REFUSAL_PHRASE] = refusal->title.len
                                ? refusal->title
                                : ts_status_phrase(refusal->status);
    values[TS_REFUSAL_ID_TEXT] = ts_slice(id,
                             ts_refusal_clean_id(id, refusal->request_id));
    values[TS_REFUSAL_CODE_TEXT] = refusal->code;

    p = buf;

    for (piece = html ? page : refusal->code.len ? problem_code : problem; ;
         piece++)
    {
        memcpy(p, piece->text.data, piece->text.len);
        p += piece->text.len;

        if (piece->value == TS_REFUSAL_END) {
            return (size_t) (p - buf);
        }

        memcpy(p, values[piece->value].data, values[piece->value].len);
        p += values[piece->value].len;
    }
}


int
ts_refusal_is_title(ts_slice_t text)
{
    size_t     i;
    ts_utf8_t  utf8;

    static const uint8_t  markup[] = { '<', '>', '&', '"', '\\', 0x7f };

    memset(&utf8, 0, sizeof(utf8));

    if (text.len == 0 || text.len > TS_REFUSAL_TITLE
        || !ts_utf8_feed(&utf8, text, NULL, 0) || !ts_utf8_complete(&utf8))
    {
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < ' '
            || memchr(markup, text.data[i], sizeof(markup)) != NULL)
        {
            return 0;
        }
    }

    return 1;
}


int
ts_refusal_is_code(ts_slice_t text)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return text.len > 0 && text.len <= TS_REFUSAL_CODE;
}


/* Keeps the letters, digits, "-" and "_" of the id. */

static size_t
ts_refusal_clean_id(char *clean, ts_slice_t id)
{
    size_t  i, n;

    static const uint8_t  kept[256] = {
        ['-'] = 1, ['_'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1,
        ['a' ... 'z'] = 1,
    };

    n = 0;

    for (i = 0; i < id.len && n < TS_REFUSAL_ID_MAX; i++) {
        clean[n] = (char) id.data[i];
        n += kept[id.data[i]];
    }

    return n;
}
