/*
 * Copyright (C) the ngx_tradesec authors
 *
 * WebSocket frames on their way through the gateway (RFC 6455 section 5).
 *
 * The parser reads one direction of one connection. It owns nothing and copies
 * no payload: it is given the bytes as they arrive, at any split, and says
 * where frames end and the first rule that was broken. No extension is ever
 * negotiated through the gateway, so all reserved bits are zero (section 5.2).
 */

#ifndef TS_WS_FRAME_H
#define TS_WS_FRAME_H

#include "core/ts_types.h"
#include "core/ts_utf8.h"


/* Two bytes, eight of extended length, four of mask: section 5.2. */
#define TS_WS_HEADER_MAX     14

/* Section 5.5: the payload of a control frame. */
#define TS_WS_CONTROL_MAX    125

/* A close frame of ours: short header, mask, code and reason. */
#define TS_WS_CLOSE_MAX      (2 + 4 + TS_WS_CONTROL_MAX)


/* Section 7.4.1, and 4401 of the range for applications (section 7.4.2). */

#define TS_WS_CLOSE_NORMAL            1000
#define TS_WS_CLOSE_GOING_AWAY        1001
#define TS_WS_CLOSE_PROTOCOL_ERROR    1002
#define TS_WS_CLOSE_UNSUPPORTED       1003
#define TS_WS_CLOSE_NO_STATUS         1005
#define TS_WS_CLOSE_INVALID_PAYLOAD   1007
#define TS_WS_CLOSE_POLICY            1008
#define TS_WS_CLOSE_TOO_BIG           1009
#define TS_WS_CLOSE_INTERNAL_ERROR    1011
#define TS_WS_CLOSE_SERVICE_RESTART   1012
#define TS_WS_CLOSE_TRY_AGAIN         1013
#define TS_WS_CLOSE_UNAUTHORIZED      4401


/* The first byte of a frame. */

#define TS_WS_FIN                     0x80
#define TS_WS_OPCODE                  0x0f

/* The second one. */

#define TS_WS_MASKED                  0x80
#define TS_WS_LENGTH                  0x7f

#define TS_WS_LENGTH_16               126
#define TS_WS_LENGTH_64               127


typedef enum {
    TS_WS_CONTINUATION = 0x0,
    TS_WS_TEXT = 0x1,
    TS_WS_BINARY = 0x2,
    TS_WS_CLOSE = 0x8,
    TS_WS_PING = 0x9,
    TS_WS_PONG = 0xa
} ts_ws_opcode_e;


/* Who sends the bytes: a client masks every frame, a server none. */

typedef enum {
    TS_WS_FROM_CLIENT,
    TS_WS_FROM_SERVER
} ts_ws_sender_e;


/* Every rule that a frame can break: member, close code, words for the log. */

#define TS_WS_VIOLATION_MAP(X)                                               \
    X(NONE, 0, "")                                                           \
    X(RESERVED_BITS, TS_WS_CLOSE_PROTOCOL_ERROR, "reserved bit set")         \
    X(OPCODE, TS_WS_CLOSE_PROTOCOL_ERROR, "unknown opcode")                  \
    X(NOT_MASKED, TS_WS_CLOSE_PROTOCOL_ERROR, "client frame is not masked")  \
    X(MASKED, TS_WS_CLOSE_PROTOCOL_ERROR, "server frame is masked")          \
    X(LENGTH_NOT_MINIMAL, TS_WS_CLOSE_PROTOCOL_ERROR,                        \
      "length is not in its shortest form")                                  \
    X(LENGTH_TOO_BIG, TS_WS_CLOSE_PROTOCOL_ERROR,                            \
      "length needs more than 63 bits")                                      \
    X(CONTROL_FRAGMENTED, TS_WS_CLOSE_PROTOCOL_ERROR,                        \
      "control frame is fragmented")                                         \
    X(CONTROL_TOO_LONG, TS_WS_CLOSE_PROTOCOL_ERROR,                          \
      "control frame is longer than 125 bytes")                              \
    X(NOTHING_TO_CONTINUE, TS_WS_CLOSE_PROTOCOL_ERROR,                       \
      "continuation without a message")                                      \
    X(MESSAGE_NOT_FINISHED, TS_WS_CLOSE_PROTOCOL_ERROR,                      \
      "new message inside a fragmented one")                                 \
    X(CLOSE_LENGTH, TS_WS_CLOSE_PROTOCOL_ERROR,                              \
      "close frame with half a code")                                        \
    X(CLOSE_CODE, TS_WS_CLOSE_PROTOCOL_ERROR, "close code is not allowed")   \
    X(CLOSE_REASON_UTF8, TS_WS_CLOSE_INVALID_PAYLOAD,                        \
      "close reason is not UTF-8")                                           \
    X(TEXT_UTF8, TS_WS_CLOSE_INVALID_PAYLOAD, "text is not UTF-8")           \
    X(AFTER_CLOSE, TS_WS_CLOSE_PROTOCOL_ERROR,                               \
      "bytes behind a close frame")                                          \
    X(MESSAGE_TOO_BIG, TS_WS_CLOSE_TOO_BIG,                                  \
      "message is larger than message_size")


typedef enum {
#define X(id, code, text)  TS_WS_VIOLATION_##id,
    TS_WS_VIOLATION_MAP(X)
#undef X
    TS_WS_VIOLATION_N
} ts_ws_violation_e;


typedef enum {
    TS_WS_AGAIN,        /* all bytes are taken, no frame ended */
    TS_WS_FRAME,        /* a frame ended: the next byte begins another */
    TS_WS_VIOLATION     /* parser->violation says which; nothing follows */
} ts_ws_result_e;


/* Two of them stand beside each open socket: 64 bytes. */

typedef struct {
    /* the current frame; valid when its header is complete */
    uint64_t           length;
    uint64_t           seen;           /* of its payload */

    /* the message that the data frames make up */
    uint64_t           total;          /* payload announced so far */
    uint64_t           limit;          /* the caller's, of total; 0: none */
    ts_utf8_t          text;
    uint8_t            message;        /* its opcode; 0 between messages */

    /* the header while it is incomplete */
    uint8_t            header[TS_WS_HEADER_MAX];
    uint8_t            header_len;

    uint8_t            opcode;         /* of the current frame again */
    uint8_t            mask[4];        /* zero from a server */

    uint8_t            violation;      /* ts_ws_violation_e */

    /* a close frame was seen; its code, TS_WS_CLOSE_NO_STATUS if empty */
    ts_utf8_t          close_reason;
    uint16_t           close_code;

    uint8_t            sender:1;       /* ts_ws_sender_e */
    uint8_t            fin:1;          /* of the current frame */
    uint8_t            in_payload:1;
    uint8_t            closed:1;
} ts_ws_parser_t;


void ts_ws_parser_init(ts_ws_parser_t *p, ts_ws_sender_e sender);

/*
 * Takes bytes from the front of *in until one frame ends, a rule is broken, or
 * nothing is left. The result does not depend on how the bytes were split.
 * After TS_WS_FRAME opcode, fin, length and mask describe the frame, whose
 * payload ends in front of in->data.
 */

ts_ws_result_e ts_ws_parse(ts_ws_parser_t *p, ts_slice_t *in);

/* The payload, still masked, of a frame that lay whole in the input. */

static inline ts_slice_t
ts_ws_payload(const ts_ws_parser_t *p, const ts_slice_t *in)
{
    return ts_slice(in->data - p->length, (size_t) p->length);
}

/* True where a frame may be put in between: the last one is complete. */

static inline int
ts_ws_at_border(const ts_ws_parser_t *p)
{
    return p->header_len == 0;
}

/*
 * How many bytes, at least one, can be read without reading beyond the current
 * frame.
 */

uint64_t ts_ws_missing(const ts_ws_parser_t *p);

/* The length of the header of a frame of which two bytes are known. */

static inline size_t
ts_ws_header_len(const uint8_t *frame)
{
    size_t  len;

    len = (frame[1] & TS_WS_MASKED) ? 2 + 4 : 2;

    switch (frame[1] & TS_WS_LENGTH) {

    case TS_WS_LENGTH_16:
        return len + 2;

    case TS_WS_LENGTH_64:
        return len + 8;

    default:
        return len;
    }
}

/* Of its payload, once all of the header is known. */

static inline uint64_t
ts_ws_length(const uint8_t *header)
{
    size_t    i, n;
    uint64_t  length;

    length = header[1] & TS_WS_LENGTH;

    if (length < TS_WS_LENGTH_16) {
        return length;
    }

    n = (length == TS_WS_LENGTH_16) ? 2 : 8;

    for (length = 0, i = 0; i < n; i++) {
        length = length << 8 | header[2 + i];
    }

    return length;
}

/*
 * Writes the payload of frames that lie one behind the other and were found in
 * order, unmasked, to text, which has room for len bytes; returns its length.
 */

size_t ts_ws_text(const uint8_t *frames, size_t len, uint8_t *text);

/* Control frames, and no others, have this bit of the opcode. */

static inline int
ts_ws_is_control(unsigned opcode)
{
    return (opcode & 0x8) != 0;
}

uint16_t ts_ws_violation_code(ts_ws_violation_e violation);
const char *ts_ws_violation_text(ts_ws_violation_e violation);

/* Section 7.4: may this code stand in a close frame? */

int ts_ws_close_code_valid(unsigned code);

/*
 * Writes a close frame of ours into out[TS_WS_CLOSE_MAX] and returns its
 * length. mask is NULL towards a client and four unpredictable bytes towards
 * a server. A reason that is too long is cut between two characters.
 */

size_t ts_ws_close_frame(uint8_t *out, unsigned code, ts_slice_t reason,
    const uint8_t *mask);


#endif /* TS_WS_FRAME_H */
