/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_ws_frame.h"


#define STREAM_MAX  (1024 * 1024)
#define FRAMES_MAX  64

#define FIN         0x80
#define TEXT        (FIN | TS_WS_TEXT)
#define BINARY      (FIN | TS_WS_BINARY)
#define CLOSE       (FIN | TS_WS_CLOSE)
#define PING        (FIN | TS_WS_PING)
#define PONG        (FIN | TS_WS_PONG)


/* A stream of frames as one side sends them. */

typedef struct {
    ts_ws_sender_e  sender;
    size_t          len;
    uint8_t         data[STREAM_MAX];
} stream_t;


/* What the parser made of a stream: all splits must come to the same. */

typedef struct {
    size_t             frames;
    uint8_t            opcode[FRAMES_MAX];
    uint8_t            fin[FRAMES_MAX];
    uint64_t           length[FRAMES_MAX];
    size_t             border;         /* behind the last whole frame */
    int                at_border;
    uint32_t           sum;            /* of all payload, unmasked */
    ts_ws_violation_e  violation;
    unsigned           close_code;
} outcome_t;


static stream_t  s;

static const uint8_t  key[4] = { 0x37, 0xfa, 0x21, 0x3d };


static void
start(ts_ws_sender_e sender)
{
    s.sender = sender;
    s.len = 0;
}


static void
bytes(const void *data, size_t len)
{
    assert_true(s.len + len <= STREAM_MAX);
    memcpy(s.data + s.len, data, len);
    s.len += len;
}


#define raw(literal)  bytes(literal, sizeof(literal) - 1)


static void
frame_of(uint8_t first, const void *payload, size_t len)
{
    size_t   i, n;
    uint8_t  head[TS_WS_HEADER_MAX], byte;

    head[0] = first;
    n = 2;

    if (len < 126) {
        head[1] = len;

    } else if (len < 65536) {
        head[1] = 126;
        head[2] = len >> 8;
        head[3] = len & 0xff;
        n = 4;

    } else {
        head[1] = 127;

        for (i = 0; i < 8; i++) {
            head[2 + i] = (uint64_t) len >> (56 - 8 * i);
        }

        n = 10;
    }

    if (s.sender == TS_WS_FROM_CLIENT) {
        head[1] |= 0x80;
        memcpy(head + n, key, 4);
        n += 4;
    }

    bytes(head, n);

    for (i = 0; i < len; i++) {
        byte = ((const uint8_t *) payload)[i];

        if (s.sender == TS_WS_FROM_CLIENT) {
            byte ^= key[i % 4];
        }

        bytes(&byte, 1);
    }
}


#define frame(first, literal)  frame_of(first, literal, sizeof(literal) - 1)


static void
feed(ts_ws_parser_t *p, size_t from, size_t to, outcome_t *o)
{
    size_t          i, n;
    uint8_t        *block;
    uint64_t        at, before;
    ts_slice_t      in;
    ts_ws_result_e  rc;

    /* exactly as large as the piece: one byte too far stops the test */

    block = malloc(to - from ? to - from : 1);
    assert_non_null(block);
    memcpy(block, s.data + from, to - from);

    in = ts_slice(block, to - from);

    for ( ;; ) {
        before = p->in_payload ? p->seen : 0;
        rc = ts_ws_parse(p, &in);

        n = (p->in_payload || rc == TS_WS_FRAME) ? p->seen - before : 0;

        for (i = 0; i < n && rc != TS_WS_VIOLATION; i++) {
            at = before + i;
            o->sum = o->sum * 31 + (in.data[(ptrdiff_t) i - (ptrdiff_t) n]
                                    ^ p->mask[at % 4]);
        }

        if (rc != TS_WS_FRAME) {
            break;
        }

        assert_true(o->frames < FRAMES_MAX);
        assert_true(ts_ws_at_border(p));

        o->opcode[o->frames] = p->opcode;
        o->fin[o->frames] = p->fin;
        o->length[o->frames++] = p->length;
        o->border = from + (in.data - block);
        o->close_code = p->closed ? p->close_code : 0;
    }

    if (rc == TS_WS_AGAIN) {
        assert_int_equal(in.len, 0);
    }

    o->violation = p->violation;
    o->at_border = ts_ws_at_border(p);

    free(block);
}


static outcome_t
parse_split(size_t first, size_t step)
{
    size_t          at, next;
    outcome_t       o;
    ts_ws_parser_t  p;

    memset(&o, 0, sizeof(o));
    ts_ws_parser_init(&p, s.sender);

    for (at = 0; at < s.len && !o.violation; at = next) {
        next = at ? at + step : first;

        if (next > s.len) {
            next = s.len;
        }

        feed(&p, at, next, &o);
    }

    return o;
}


/*
 * The payload before a violation may have been seen or not, depending on the
 * split; everything else is the same.
 */

static void
assert_same(const outcome_t *a, const outcome_t *b)
{
    assert_int_equal(a->violation, b->violation);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->border, b->border);
    assert_int_equal(a->close_code, b->close_code);
    assert_memory_equal(a->opcode, b->opcode, sizeof(a->opcode));
    assert_memory_equal(a->fin, b->fin, sizeof(a->fin));
    assert_memory_equal(a->length, b->length, sizeof(a->length));

    if (a->violation == TS_WS_VIOLATION_NONE) {
        assert_int_equal(a->sum, b->sum);
        assert_int_equal(a->at_border, b->at_border);
    }
}


static outcome_t
parse(void)
{
    size_t     i;
    outcome_t  whole, split;

    whole = parse_split(s.len, s.len);

    for (i = 1; i < s.len && i < 600; i++) {
        split = parse_split(i, s.len);
        assert_same(&whole, &split);
    }

    for (i = 1; i < 8; i++) {
        split = parse_split(i, i);
        assert_same(&whole, &split);
    }

    return whole;
}


static void
refused(ts_ws_violation_e violation, unsigned code)
{
    outcome_t  o = parse();

    assert_int_equal(o.violation, violation);
    assert_int_equal(ts_ws_violation_code(violation), code);
}


static void
accepted(size_t frames)
{
    outcome_t  o = parse();

    assert_int_equal(o.violation, TS_WS_VIOLATION_NONE);
    assert_int_equal(o.frames, frames);
    assert_int_equal(o.border, s.len);
    assert_true(o.at_border);
}


static void
examples_of_rfc_6455_section_5_7(void **state)
{
    (void) state;

    start(TS_WS_FROM_SERVER);
    raw("\x81\x05\x48\x65\x6c\x6c\x6f");
    raw("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f");
    raw("\x89\x05\x48\x65\x6c\x6c\x6f");
    accepted(4);

    start(TS_WS_FROM_CLIENT);
    raw("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    raw("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    accepted(2);
}


static void
control_frames_pass_between_fragments(void **state)
{
    outcome_t  o;

    (void) state;

    for (start(TS_WS_FROM_CLIENT); ; start(TS_WS_FROM_SERVER)) {
        frame(TS_WS_TEXT, "first \xe2\x82");
        frame(PING, "now");
        frame(TS_WS_CONTINUATION, "");
        frame(PONG, "");
        frame(FIN | TS_WS_CONTINUATION, "\xac last");
        frame(BINARY, "\xff\xfe");
        accepted(6);

        o = parse();
        assert_int_equal(o.opcode[1], TS_WS_PING);
        assert_int_equal(o.fin[0], 0);
        assert_int_equal(o.fin[4], 1);

        if (s.sender == TS_WS_FROM_SERVER) {
            break;
        }
    }
}


static void
lengths_on_both_sides_of_each_limit(void **state)
{
    size_t                i, sender;
    static uint8_t        payload[65537];
    static const size_t   lengths[] = { 0, 1, 125, 126, 127, 65535, 65536,
                                        65537 };

    (void) state;

    memset(payload, 'x', sizeof(payload));

    for (sender = TS_WS_FROM_CLIENT; sender <= TS_WS_FROM_SERVER; sender++) {
        for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            start(sender);
            frame_of(TEXT, payload, lengths[i]);
            frame(PING, "");
            accepted(2);
            assert_int_equal(parse().length[0], lengths[i]);
        }
    }
}


static void
length_not_minimal_is_1002(void **state)
{
    (void) state;

    start(TS_WS_FROM_SERVER);
    raw("\x82\x7e\x00\x7d");
    refused(TS_WS_VIOLATION_LENGTH_NOT_MINIMAL, 1002);

    start(TS_WS_FROM_SERVER);
    raw("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff");
    refused(TS_WS_VIOLATION_LENGTH_NOT_MINIMAL, 1002);

    start(TS_WS_FROM_SERVER);
    raw("\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05");
    refused(TS_WS_VIOLATION_LENGTH_NOT_MINIMAL, 1002);

    start(TS_WS_FROM_CLIENT);
    raw("\x82\xfe\x00\x05\x37\xfa\x21\x3d");
    refused(TS_WS_VIOLATION_LENGTH_NOT_MINIMAL, 1002);
}


static void
length_of_64_bits_is_1002(void **state)
{
    outcome_t  o;

    (void) state;

    start(TS_WS_FROM_SERVER);
    raw("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00");
    refused(TS_WS_VIOLATION_LENGTH_TOO_BIG, 1002);

    start(TS_WS_FROM_SERVER);
    raw("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" "beginning");
    o = parse();
    assert_int_equal(o.violation, TS_WS_VIOLATION_NONE);
    assert_int_equal(o.frames, 0);
    assert_false(o.at_border);
}


static void
mask_rule_of_each_direction_is_1002(void **state)
{
    (void) state;

    start(TS_WS_FROM_CLIENT);
    raw("\x81\x05\x48\x65\x6c\x6c\x6f");
    refused(TS_WS_VIOLATION_NOT_MASKED, 1002);

    start(TS_WS_FROM_CLIENT);
    raw("\x89\x00");
    refused(TS_WS_VIOLATION_NOT_MASKED, 1002);

    start(TS_WS_FROM_SERVER);
    raw("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    refused(TS_WS_VIOLATION_MASKED, 1002);
}


/* All 256 first bytes, before any message and inside a fragmented one. */

static void
every_first_byte(void **state)
{
    unsigned           first, inside, opcode;
    ts_ws_violation_e  expected;

    (void) state;

    for (inside = 0; inside <= 1; inside++) {
        for (first = 0; first <= 0xff; first++) {
            start(TS_WS_FROM_SERVER);

            if (inside) {
                frame(TS_WS_TEXT, "begun");
            }

            frame(first, "");

            opcode = first & 0x0f;

            if (first & 0x70) {
                expected = TS_WS_VIOLATION_RESERVED_BITS;

            } else if (opcode > TS_WS_PONG
                       || (opcode > TS_WS_BINARY && opcode < TS_WS_CLOSE))
            {
                expected = TS_WS_VIOLATION_OPCODE;

            } else if (opcode >= TS_WS_CLOSE) {
                expected = (first & FIN) ? TS_WS_VIOLATION_NONE
                                         : TS_WS_VIOLATION_CONTROL_FRAGMENTED;

            } else if (opcode == TS_WS_CONTINUATION) {
                expected = inside ? TS_WS_VIOLATION_NONE
                                  : TS_WS_VIOLATION_NOTHING_TO_CONTINUE;

            } else {
                expected = inside ? TS_WS_VIOLATION_MESSAGE_NOT_FINISHED
                                  : TS_WS_VIOLATION_NONE;
            }

            if (expected) {
                refused(expected, 1002);

            } else {
                accepted(inside + 1);
            }
        }
    }
}


static void
control_frame_longer_than_125_is_1002(void **state)
{
    uint8_t   payload[126];
    unsigned  opcode;

    (void) state;

    memset(payload, 'x', sizeof(payload));

    for (opcode = TS_WS_PING; opcode <= TS_WS_PONG; opcode++) {
        start(TS_WS_FROM_CLIENT);
        frame_of(FIN | opcode, payload, 125);
        accepted(1);

        start(TS_WS_FROM_CLIENT);
        frame_of(FIN | opcode, payload, 126);
        refused(TS_WS_VIOLATION_CONTROL_TOO_LONG, 1002);
    }

    memcpy(payload, "\x03\xe8", 2);

    start(TS_WS_FROM_SERVER);
    frame_of(CLOSE, payload, 125);
    accepted(1);

    start(TS_WS_FROM_SERVER);
    frame_of(CLOSE, payload, 126);
    refused(TS_WS_VIOLATION_CONTROL_TOO_LONG, 1002);
}


static void
text_that_is_not_utf8_is_1007(void **state)
{
    (void) state;

    /* in one frame, cut short, over two frames, behind an ASCII run */

    start(TS_WS_FROM_CLIENT);
    frame(TEXT, "abc\xff" "def");
    refused(TS_WS_VIOLATION_TEXT_UTF8, 1007);

    start(TS_WS_FROM_CLIENT);
    frame(TEXT, "abc\xe2\x82");
    refused(TS_WS_VIOLATION_TEXT_UTF8, 1007);

    start(TS_WS_FROM_SERVER);
    frame(TS_WS_TEXT, "abc\xe2");
    frame(FIN | TS_WS_CONTINUATION, "\x28\xac");
    refused(TS_WS_VIOLATION_TEXT_UTF8, 1007);

    start(TS_WS_FROM_SERVER);
    frame(TS_WS_TEXT, "abc\xe2");
    frame(PING, "\xff");
    frame(FIN | TS_WS_CONTINUATION, "");
    refused(TS_WS_VIOLATION_TEXT_UTF8, 1007);

    start(TS_WS_FROM_CLIENT);
    frame(TEXT, "a run of ASCII that is taken in words \xc0\x80");
    refused(TS_WS_VIOLATION_TEXT_UTF8, 1007);

    /* the same bytes are nobody's business in a binary message */

    start(TS_WS_FROM_CLIENT);
    frame(TS_WS_BINARY, "abc\xff");
    frame(FIN | TS_WS_CONTINUATION, "\xc0\x80");
    accepted(2);

    /* and half a character does not leak into the next message */

    start(TS_WS_FROM_SERVER);
    frame(BINARY, "\xe2\x82");
    frame(TEXT, "abc");
    accepted(2);
}


static void
every_close_code(void **state)
{
    int        valid;
    uint8_t    body[2];
    unsigned   code;
    outcome_t  o;

    (void) state;

    for (code = 0; code <= 0xffff; code++) {
        valid = (code >= 1000 && code <= 1014
                 && code != 1004 && code != 1005 && code != 1006)
                || (code >= 3000 && code < 5000);

        start((code & 1) ? TS_WS_FROM_CLIENT : TS_WS_FROM_SERVER);
        body[0] = code >> 8;
        body[1] = code & 0xff;
        frame_of(CLOSE, body, 2);

        o = parse_split(3, 1);
        assert_int_equal(o.violation,
                         valid ? TS_WS_VIOLATION_NONE
                               : TS_WS_VIOLATION_CLOSE_CODE);

        if (valid) {
            assert_int_equal(o.close_code, code);
        }
    }

    assert_int_equal(ts_ws_violation_code(TS_WS_VIOLATION_CLOSE_CODE), 1002);
}


static void
close_frame_body(void **state)
{
    (void) state;

    start(TS_WS_FROM_CLIENT);
    frame(CLOSE, "");
    accepted(1);
    assert_int_equal(parse().close_code, TS_WS_CLOSE_NO_STATUS);

    start(TS_WS_FROM_CLIENT);
    frame(CLOSE, "\x03\xe8" "bye \xe2\x82\xac");
    accepted(1);
    assert_int_equal(parse().close_code, 1000);

    start(TS_WS_FROM_SERVER);
    frame(CLOSE, "\x03");
    refused(TS_WS_VIOLATION_CLOSE_LENGTH, 1002);

    start(TS_WS_FROM_SERVER);
    frame(CLOSE, "\x03\xe8" "bye \xe2\x82");
    refused(TS_WS_VIOLATION_CLOSE_REASON_UTF8, 1007);

    start(TS_WS_FROM_CLIENT);
    frame(CLOSE, "\x03\xe8\xff");
    refused(TS_WS_VIOLATION_CLOSE_REASON_UTF8, 1007);
}


static void
nothing_follows_a_close_frame(void **state)
{
    outcome_t  o;

    (void) state;

    start(TS_WS_FROM_SERVER);
    frame(CLOSE, "\x03\xe8");
    frame(TEXT, "one more thing");

    o = parse();
    assert_int_equal(o.violation, TS_WS_VIOLATION_AFTER_CLOSE);
    assert_int_equal(o.frames, 1);
    assert_int_equal(o.border, 4);
}


static void
close_inside_a_fragmented_message_is_valid(void **state)
{
    (void) state;

    start(TS_WS_FROM_CLIENT);
    frame(TS_WS_TEXT, "begun \xe2");
    frame(CLOSE, "\x03\xe9");
    accepted(2);
}


static void
frames_before_a_violation_are_counted(void **state)
{
    outcome_t  o;

    (void) state;

    start(TS_WS_FROM_CLIENT);
    frame(TEXT, "good");
    frame(TEXT, "good too");
    raw("\xc1\x80");

    o = parse();
    assert_int_equal(o.violation, TS_WS_VIOLATION_RESERVED_BITS);
    assert_int_equal(o.frames, 2);
    assert_int_equal(o.border, 10 + 14);
}


static void
http_request_in_the_tunnel_is_a_violation(void **state)
{
    (void) state;

    /* 'G' is fin 0, a reserved bit, opcode 7 */

    start(TS_WS_FROM_CLIENT);
    raw("GET /admin/ HTTP/1.1\r\nHost: internal\r\n\r\n");
    refused(TS_WS_VIOLATION_RESERVED_BITS, 1002);

    start(TS_WS_FROM_SERVER);
    raw("HTTP/1.1 200 OK\r\n\r\n");
    refused(TS_WS_VIOLATION_RESERVED_BITS, 1002);
}


/* A frame of ours must be one that our own parser takes. */

static void
built_close_frames_parse(void **state)
{
    size_t      len;
    uint8_t    *out;
    outcome_t   o;
    ts_slice_t  reason;

    (void) state;

    out = malloc(TS_WS_CLOSE_MAX);
    assert_non_null(out);

    reason = TS_SLICE("token expired");

    len = ts_ws_close_frame(out, 4401, reason, NULL);
    assert_int_equal(len, 2 + 2 + reason.len);
    assert_memory_equal(out, "\x88\x0f\x11\x31token expired", len);

    start(TS_WS_FROM_SERVER);
    bytes(out, len);
    accepted(1);
    assert_int_equal(parse().close_code, 4401);

    len = ts_ws_close_frame(out, 1001, ts_slice(NULL, 0), key);
    assert_memory_equal(out, "\x88\x82\x37\xfa\x21\x3d\x34\x13", len);

    start(TS_WS_FROM_CLIENT);
    bytes(out, len);
    accepted(1);
    o = parse();
    assert_int_equal(o.close_code, 1001);

    free(out);
}


static void
long_close_reason_is_cut_between_characters(void **state)
{
    size_t    n, i, len;
    uint8_t  *out, text[200];

    (void) state;

    out = malloc(TS_WS_CLOSE_MAX);
    assert_non_null(out);

    for (n = 0; n < 3; n++) {
        memset(text, 'x', n);

        for (i = n; i + 3 <= sizeof(text); i += 3) {
            memcpy(text + i, "\xe2\x82\xac", 3);
        }

        len = ts_ws_close_frame(out, 1000, ts_slice(text, i), key);

        start(TS_WS_FROM_CLIENT);
        bytes(out, len);
        accepted(1);

        /* 123 bytes of reason: 41 characters, or fewer behind the x */
        assert_int_equal(parse().length[0], 2 + n + (123 - n) / 3 * 3);
    }

    free(out);
}


static ts_ws_violation_e
limited(uint64_t limit)
{
    ts_slice_t      in;
    ts_ws_parser_t  p;
    ts_ws_result_e  rc;

    ts_ws_parser_init(&p, s.sender);
    p.limit = limit;
    in = ts_slice(s.data, s.len);

    do {
        rc = ts_ws_parse(&p, &in);
    } while (rc == TS_WS_FRAME);

    return p.violation;
}


static void
message_above_the_limit_is_1009(void **state)
{
    (void) state;

    start(TS_WS_FROM_SERVER);
    frame_of(TEXT, "12345", 5);
    frame_of(PING, "1234567", 7);
    frame_of(TS_WS_TEXT, "123", 3);
    frame_of(PING, "1234567", 7);
    frame_of(FIN, "45", 2);

    assert_int_equal(limited(0), TS_WS_VIOLATION_NONE);
    assert_int_equal(limited(5), TS_WS_VIOLATION_NONE);
    assert_int_equal(limited(4), TS_WS_VIOLATION_MESSAGE_TOO_BIG);

    frame_of(TS_WS_TEXT, "1", 1);
    raw("\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff");
    assert_int_equal(limited(0), TS_WS_VIOLATION_NONE);
    assert_int_equal(limited(1000), TS_WS_VIOLATION_MESSAGE_TOO_BIG);
    assert_int_equal(ts_ws_violation_code(TS_WS_VIOLATION_MESSAGE_TOO_BIG),
                     1009);
}


/* Who reads what is missing, and no more, never reads into the next frame. */

static void
missing_bytes_end_at_borders(void **state)
{
    size_t          at, frames, n;
    ts_slice_t      in;
    ts_ws_parser_t  p;
    ts_ws_result_e  rc;

    (void) state;

    start(TS_WS_FROM_CLIENT);
    frame_of(TEXT, "", 0);
    frame_of(TEXT, "x", 1);
    frame_of(BINARY, s.data, 126);
    frame_of(BINARY, s.data, 70000);
    frame_of(PING, "1234567", 7);

    ts_ws_parser_init(&p, s.sender);

    for (at = 0, frames = 0; at < s.len; at += n) {
        n = (size_t) ts_ws_missing(&p);

        assert_true(n > 0 && n <= s.len - at);

        in = ts_slice(s.data + at, n);
        rc = ts_ws_parse(&p, &in);

        assert_int_not_equal(rc, TS_WS_VIOLATION);
        assert_int_equal(in.len, 0);

        frames += (rc == TS_WS_FRAME);
    }

    assert_int_equal(frames, 5);
    assert_true(ts_ws_at_border(&p));
}


static void
every_violation_has_code_and_words(void **state)
{
    int  v;

    (void) state;

    for (v = TS_WS_VIOLATION_NONE + 1; v < TS_WS_VIOLATION_N; v++) {
        assert_true(ts_ws_close_code_valid(ts_ws_violation_code(v)));
        assert_true(strlen(ts_ws_violation_text(v)) > 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(examples_of_rfc_6455_section_5_7),
        cmocka_unit_test(control_frames_pass_between_fragments),
        cmocka_unit_test(lengths_on_both_sides_of_each_limit),
        cmocka_unit_test(length_not_minimal_is_1002),
        cmocka_unit_test(length_of_64_bits_is_1002),
        cmocka_unit_test(mask_rule_of_each_direction_is_1002),
        cmocka_unit_test(every_first_byte),
        cmocka_unit_test(control_frame_longer_than_125_is_1002),
        cmocka_unit_test(text_that_is_not_utf8_is_1007),
        cmocka_unit_test(every_close_code),
        cmocka_unit_test(close_frame_body),
        cmocka_unit_test(nothing_follows_a_close_frame),
        cmocka_unit_test(close_inside_a_fragmented_message_is_valid),
        cmocka_unit_test(frames_before_a_violation_are_counted),
        cmocka_unit_test(http_request_in_the_tunnel_is_a_violation),
        cmocka_unit_test(built_close_frames_parse),
        cmocka_unit_test(long_close_reason_is_cut_between_characters),
        cmocka_unit_test(message_above_the_limit_is_1009),
        cmocka_unit_test(missing_bytes_end_at_borders),
        cmocka_unit_test(every_violation_has_code_and_words),
    };

    return cmocka_run_group_tests_name("ws_frame", tests, NULL, NULL);
}
