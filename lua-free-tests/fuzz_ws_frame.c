/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Any bytes as one direction of a WebSocket: byte 0 picks the sender and the
 * size of the pieces. Every whole frame and the verdict must be those of a
 * second parser that has all bytes at once and shares no code with the first.
 */

#include <stdlib.h>
#include <utf8proc.h>

#include "core/ts_ws_frame.h"


typedef struct {
    const uint8_t  *data;
    size_t          len;
    size_t          at;
    uint8_t         text[4096];
    size_t          text_len;
    int             message;
    int             closed;
    int             from_client;
} oracle_t;


static int
utf8(const uint8_t *data, size_t len)
{
    utf8proc_int32_t  c;
    utf8proc_ssize_t  n;

    for ( /* void */ ; len; data += n, len -= n) {
        n = utf8proc_iterate(data, len, &c);

        if (n <= 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * The size of a header whose mask does not count, and the length in it.
 * 0: bytes are missing; -1: refused.
 */

static int
oracle_header(const oracle_t *o, const uint8_t *f, size_t n, uint64_t *length)
{
    int     fin, op, head;
    size_t  k;

    if (n && o->closed) {
        return -1;
    }

    if (n < 2) {
        return 0;
    }

    fin = f[0] >> 7;
    op = f[0] & 15;
    *length = f[1] & 127;

    if ((f[0] & 0x70) || (f[1] >> 7) != o->from_client
        || (op > 2 && op < 8) || op > 10
        || (op >= 8 && (!fin || *length > 125))
        || (op == 8 && *length == 1)
        || (op == 0 && !o->message) || ((op == 1 || op == 2) && o->message))
    {
        return -1;
    }

    head = 2 + (*length == 126 ? 2 : *length == 127 ? 8 : 0);

    if (n < (size_t) head + 4 * o->from_client) {
        return 0;
    }

    if (head > 2) {
        for (*length = 0, k = 2; k < (size_t) head; k++) {
            *length = *length << 8 | f[k];
        }

        if (*length < (head == 4 ? 126 : 65536) || *length >> 63) {
            return -1;
        }
    }

    return head;
}


/* 1: a frame, its end in o->at; 0: bytes are missing; -1: refused. */

static int
oracle(oracle_t *o)
{
    int             fin, op, head;
    size_t          i, k;
    uint64_t        length;
    const uint8_t  *f, *mask;
    uint8_t         payload[4096];

    f = o->data + o->at;
    i = o->len - o->at;

    head = oracle_header(o, f, i, &length);

    if (head <= 0) {
        return head;
    }

    fin = f[0] >> 7;
    op = f[0] & 15;

    mask = f + head;
    head += 4 * o->from_client;
    i -= head;

    if (i > length) {
        i = length;
    }

    if (i > sizeof(payload)) {
        return 0;
    }

    for (k = 0; k < i; k++) {
        payload[k] = f[head + k] ^ (o->from_client ? mask[k % 4] : 0);
    }

    if (op == 8 && i >= 2
        && !ts_ws_close_code_valid(payload[0] << 8 | payload[1]))
    {
        return -1;
    }

    if (op == 1 || op == 2) {
        o->message = op;
        o->text_len = 0;
    }

    if (i < length) {
        return 0;
    }

    o->at += head + length;

    if (op == 8) {
        o->closed = 1;
        return (i < 2 || utf8(payload + 2, i - 2)) ? 1 : -1;
    }

    if (op > 8) {
        return 1;
    }

    if (o->text_len + i > sizeof(o->text)) {
        return 0;
    }

    memcpy(o->text + o->text_len, payload, i);
    o->text_len += i;

    if (fin && o->message == 1 && !utf8(o->text, o->text_len)) {
        return -1;
    }

    if (fin) {
        o->message = 0;
    }

    return 1;
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              expected;
    size_t           step, at, n;
    uint8_t         *piece;
    oracle_t         o;
    ts_slice_t       in;
    ts_ws_result_e   rc;
    ts_ws_parser_t   p;

    if (size < 1 || size > 4096) {
        return 0;
    }

    memset(&o, 0, sizeof(o));
    o.from_client = data[0] & 1;
    o.data = data + 1;
    o.len = size - 1;

    step = (data[0] >> 1) + 1;
    rc = TS_WS_AGAIN;

    ts_ws_parser_init(&p, o.from_client ? TS_WS_FROM_CLIENT
                                        : TS_WS_FROM_SERVER);

    for (at = 0; at < o.len && rc != TS_WS_VIOLATION; at += n) {
        n = (o.len - at < step) ? o.len - at : step;

        piece = malloc(n);
        memcpy(piece, o.data + at, n);
        in = ts_slice(piece, n);

        do {
            rc = ts_ws_parse(&p, &in);

            if (rc == TS_WS_FRAME) {
                expected = oracle(&o);

                if (expected != 1 || o.at != at + n - in.len
                    || !ts_ws_at_border(&p) || o.closed != p.closed)
                {
                    abort();
                }
            }

        } while (rc == TS_WS_FRAME);

        free(piece);
    }

    expected = oracle(&o);

    if (rc != TS_WS_VIOLATION) {
        if (expected != 0) {
            abort();
        }

        return 0;
    }

    /*
     * The parser refuses text at the first wrong byte; the oracle when all of
     * it is there, if it ever is. A valid end of the message proves a mistake.
     */

    if (p.violation == TS_WS_VIOLATION_TEXT_UTF8) {

        while (expected == 1 && o.message) {
            expected = oracle(&o);
        }

        if (expected == 1) {
            abort();
        }

        return 0;
    }

    if (expected == 1
        || (expected == 0
            && p.violation != TS_WS_VIOLATION_CLOSE_REASON_UTF8))
    {
        abort();
    }

    return 0;
}
