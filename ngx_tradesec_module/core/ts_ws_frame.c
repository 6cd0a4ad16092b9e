/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_ws_frame.h"


#define TS_WS_RESERVED       0x70

static const struct {
    uint16_t     code;
    const char  *text;
} ts_ws_violations[TS_WS_VIOLATION_N] = {
#define X(id, code, text)  { code, text },
    TS_WS_VIOLATION_MAP(X)
#undef X
};


static int ts_ws_header(ts_ws_parser_t *p, ts_slice_t *in);
static int ts_ws_header_end(ts_ws_parser_t *p);
static int ts_ws_collect(ts_ws_parser_t *p, ts_slice_t *in, size_t need);
static ts_ws_violation_e ts_ws_check_start(ts_ws_parser_t *p);
static ts_ws_violation_e ts_ws_check_message(ts_ws_parser_t *p);
static ts_ws_violation_e ts_ws_read_length(ts_ws_parser_t *p);
static ts_ws_violation_e ts_ws_count(ts_ws_parser_t *p);
static ts_ws_violation_e ts_ws_check_payload(ts_ws_parser_t *p,
    ts_slice_t payload);
static ts_ws_violation_e ts_ws_close_payload(ts_ws_parser_t *p,
    ts_slice_t payload);
static ts_ws_violation_e ts_ws_end(ts_ws_parser_t *p);
static ts_ws_result_e ts_ws_violate(ts_ws_parser_t *p,
    ts_ws_violation_e violation);


void
ts_ws_parser_init(ts_ws_parser_t *p, ts_ws_sender_e sender)
{
    memset(p, 0, sizeof(ts_ws_parser_t));
    p->sender = sender;
}


ts_ws_result_e
ts_ws_parse(ts_ws_parser_t *p, ts_slice_t *in)
{
    size_t             size;
    ts_ws_violation_e  violation;

    if (p->violation) {
        return TS_WS_VIOLATION;
    }

    if (in->len == 0) {
        return TS_WS_AGAIN;
    }

    if (!p->in_payload) {

        if (p->closed) {
            return ts_ws_violate(p, TS_WS_VIOLATION_AFTER_CLOSE);
        }

        if (!ts_ws_header(p, in)) {
            return p->violation ? TS_WS_VIOLATION : TS_WS_AGAIN;
        }
    }

    size = in->len;

    if (size > p->length - p->seen) {
        size = (size_t) (p->length - p->seen);
    }

    violation = ts_ws_check_payload(p, ts_slice(in->data, size));

    if (violation) {
        return ts_ws_violate(p, violation);
    }

    in->data += size;
    in->len -= size;
    p->seen += size;

    if (p->seen < p->length) {
        return TS_WS_AGAIN;
    }

    violation = ts_ws_end(p);

    if (violation) {
        return ts_ws_violate(p, violation);
    }

    p->header_len = 0;
    p->in_payload = 0;

    return TS_WS_FRAME;
}


static ts_ws_result_e
ts_ws_violate(ts_ws_parser_t *p, ts_ws_violation_e violation)
{
    p->violation = violation;
    return TS_WS_VIOLATION;
}


/*
 * Returns 1 when the header is complete and in order, 0 when bytes are missing
 * or p->violation is set.
 */

static int
ts_ws_header(ts_ws_parser_t *p, ts_slice_t *in)
{
    if (p->header_len == 0 && in->len >= TS_WS_HEADER_MAX) {

        /* most of them: whatever the header's length, all of it is there */

        memcpy(p->header, in->data, TS_WS_HEADER_MAX);

        p->violation = ts_ws_check_start(p);

        if (p->violation) {
            return 0;
        }

        p->header_len = (uint8_t) ts_ws_header_len(p->header);
        in->data += p->header_len;
        in->len -= p->header_len;

        return ts_ws_header_end(p);
    }

    if (p->header_len < 2) {

        if (!ts_ws_collect(p, in, 2)) {
            return 0;
        }

        p->violation = ts_ws_check_start(p);

        if (p->violation) {
            return 0;
        }
    }

    return ts_ws_collect(p, in, ts_ws_header_len(p->header))
           && ts_ws_header_end(p);
}


/* The header is complete. */

static int
ts_ws_header_end(ts_ws_parser_t *p)
{
    p->violation = ts_ws_read_length(p);

    if (!p->violation && !ts_ws_is_control(p->opcode)) {
        p->violation = ts_ws_count(p);
    }

    if (p->violation) {
        return 0;
    }

    if (p->sender == TS_WS_FROM_CLIENT) {
        memcpy(p->mask, p->header + p->header_len - 4, 4);
    }

    if (p->opcode == TS_WS_CLOSE) {
        p->close_code = TS_WS_CLOSE_NO_STATUS;
        p->close_reason = (ts_utf8_t) { 0, 0, 0 };
    }

    p->seen = 0;
    p->in_payload = 1;

    return 1;
}


/* Returns 1 when the first `need` bytes of the header are there. */

static int
ts_ws_collect(ts_ws_parser_t *p, ts_slice_t *in, size_t need)
{
    size_t  size;

    size = need - p->header_len;

    if (size > in->len) {
        size = in->len;
    }

    memcpy(p->header + p->header_len, in->data, size);

    p->header_len += size;
    in->data += size;
    in->len -= size;

    return p->header_len == need;
}


uint64_t
ts_ws_missing(const ts_ws_parser_t *p)
{
    if (p->in_payload) {
        return p->length - p->seen;
    }

    return (p->header_len < 2 ? 2 : ts_ws_header_len(p->header))
           - p->header_len;
}


/* What the first two bytes say: everything but long lengths. */

static ts_ws_violation_e
ts_ws_check_start(ts_ws_parser_t *p)
{
    unsigned  masked;

    if (p->header[0] & TS_WS_RESERVED) {
        return TS_WS_VIOLATION_RESERVED_BITS;
    }

    masked = p->header[1] & TS_WS_MASKED;

    if (p->sender == TS_WS_FROM_CLIENT && !masked) {
        return TS_WS_VIOLATION_NOT_MASKED;
    }

    if (p->sender == TS_WS_FROM_SERVER && masked) {
        return TS_WS_VIOLATION_MASKED;
    }

    p->fin = (p->header[0] & TS_WS_FIN) != 0;
    p->opcode = p->header[0] & TS_WS_OPCODE;

    switch (p->opcode) {

    case TS_WS_CONTINUATION:
    case TS_WS_TEXT:
    case TS_WS_BINARY:
        return ts_ws_check_message(p);

    case TS_WS_CLOSE:
    case TS_WS_PING:
    case TS_WS_PONG:

        if (!p->fin) {
            return TS_WS_VIOLATION_CONTROL_FRAGMENTED;
        }

        if ((p->header[1] & TS_WS_LENGTH) > TS_WS_CONTROL_MAX) {
            return TS_WS_VIOLATION_CONTROL_TOO_LONG;
        }

        if (p->opcode == TS_WS_CLOSE && (p->header[1] & TS_WS_LENGTH) == 1) {
            return TS_WS_VIOLATION_CLOSE_LENGTH;
        }

        return TS_WS_VIOLATION_NONE;

    default:
        return TS_WS_VIOLATION_OPCODE;
    }
}


/* Section 5.4: one message at a time. */

static ts_ws_violation_e
ts_ws_check_message(ts_ws_parser_t *p)
{
    if (p->opcode == TS_WS_CONTINUATION) {
        return p->message ? TS_WS_VIOLATION_NONE
                          : TS_WS_VIOLATION_NOTHING_TO_CONTINUE;
    }

    if (p->message) {
        return TS_WS_VIOLATION_MESSAGE_NOT_FINISHED;
    }

    p->message = p->opcode;
    p->text = (ts_utf8_t) { 0, 0, 0 };
    p->total = 0;

    return TS_WS_VIOLATION_NONE;
}


static ts_ws_violation_e
ts_ws_read_length(ts_ws_parser_t *p)
{
    unsigned  first;

    p->length = ts_ws_length(p->header);
    first = p->header[1] & TS_WS_LENGTH;

    if (first < TS_WS_LENGTH_16) {
        return TS_WS_VIOLATION_NONE;
    }

    if (p->length < TS_WS_LENGTH_16
        || (first != TS_WS_LENGTH_16 && p->length <= UINT16_MAX))
    {
        return TS_WS_VIOLATION_LENGTH_NOT_MINIMAL;
    }

    if (p->length > INT64_MAX) {
        return TS_WS_VIOLATION_LENGTH_TOO_BIG;
    }

    return TS_WS_VIOLATION_NONE;
}


/* As soon as the header announces it: nothing of a frame too big is read. */

static ts_ws_violation_e
ts_ws_count(ts_ws_parser_t *p)
{
    if (p->limit && p->length > p->limit - p->total) {
        return TS_WS_VIOLATION_MESSAGE_TOO_BIG;
    }

    p->total += p->length;

    return TS_WS_VIOLATION_NONE;
}


/* The next piece, of which p->seen bytes came before. */

static ts_ws_violation_e
ts_ws_check_payload(ts_ws_parser_t *p, ts_slice_t payload)
{
    if (ts_ws_is_control(p->opcode)) {
        return (p->opcode == TS_WS_CLOSE) ? ts_ws_close_payload(p, payload)
                                          : TS_WS_VIOLATION_NONE;
    }

    if (p->message == TS_WS_TEXT
        && !ts_utf8_feed(&p->text, payload, p->mask, p->seen))
    {
        return TS_WS_VIOLATION_TEXT_UTF8;
    }

    return TS_WS_VIOLATION_NONE;
}


/* Section 5.5.1: nothing, or a code of two bytes and a reason in UTF-8. */

static ts_ws_violation_e
ts_ws_close_payload(ts_ws_parser_t *p, ts_slice_t payload)
{
    size_t      at;
    uint8_t     byte;
    ts_slice_t  reason;

    for (at = 0; at < payload.len && p->seen + at < 2; at++) {
        byte = payload.data[at] ^ p->mask[p->seen + at];

        if (p->seen + at == 0) {
            p->close_code = byte << 8;
            continue;
        }

        p->close_code |= byte;

        if (!ts_ws_close_code_valid(p->close_code)) {
            return TS_WS_VIOLATION_CLOSE_CODE;
        }
    }

    reason = ts_slice(payload.data + at, payload.len - at);

    if (!ts_utf8_feed(&p->close_reason, reason, p->mask, p->seen + at)) {
        return TS_WS_VIOLATION_CLOSE_REASON_UTF8;
    }

    return TS_WS_VIOLATION_NONE;
}


/* The frame is complete: what may not end here? */

static ts_ws_violation_e
ts_ws_end(ts_ws_parser_t *p)
{
    if (p->opcode == TS_WS_CLOSE) {

        if (!ts_utf8_complete(&p->close_reason)) {
            return TS_WS_VIOLATION_CLOSE_REASON_UTF8;
        }

        p->closed = 1;
        return TS_WS_VIOLATION_NONE;
    }

    if (ts_ws_is_control(p->opcode) || !p->fin) {
        return TS_WS_VIOLATION_NONE;
    }

    if (p->message == TS_WS_TEXT && !ts_utf8_complete(&p->text)) {
        return TS_WS_VIOLATION_TEXT_UTF8;
    }

    p->message = 0;

    return TS_WS_VIOLATION_NONE;
}


uint16_t
ts_ws_violation_code(ts_ws_violation_e violation)
{
    return ts_ws_violations[violation].code;
}


const char *
ts_ws_violation_text(ts_ws_violation_e violation)
{
    return ts_ws_violations[violation].text;
}


/*
 * 1004 to 1006 and 1015 never travel; 1012 to 1014 were registered after the
 * RFC; 1016 to 2999 are for later versions; 3000 and up are for libraries and
 * applications.
 */

int
ts_ws_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


size_t
ts_ws_close_frame(uint8_t *out, unsigned code, ts_slice_t reason,
    const uint8_t *mask)
{
    size_t    i, header, length;
    uint8_t  *payload;

    if (reason.len > TS_WS_CONTROL_MAX - 2) {
        reason.len = TS_WS_CONTROL_MAX - 2;

        while (reason.len && (reason.data[reason.len] & 0xc0) == 0x80) {
            reason.len--;
        }
    }

    header = mask ? 6 : 2;
    length = 2 + reason.len;

    out[0] = TS_WS_FIN | TS_WS_CLOSE;
    out[1] = (mask ? TS_WS_MASKED : 0) | length;

    payload = out + header;

    payload[0] = code >> 8;
    payload[1] = code & 0xff;

    if (reason.len) {
        memcpy(payload + 2, reason.data, reason.len);
    }

    if (mask) {
        memcpy(out + 2, mask, 4);

        for (i = 0; i < length; i++) {
            payload[i] ^= mask[i % 4];
        }
    }

    return header + length;
}
