/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The opening handshake of a WebSocket as seen by the gateway between client
 * and backend (RFC 6455 section 4). Stricter than the RFC where implementations
 * differ: a header that decides something may stand there only once, Upgrade
 * names nothing but websocket, and the request has no body.
 *
 * Usage: zero a ts_ws_handshake_t, hand every header line to
 * ts_ws_handshake_header(), then ask for the verdict. Slices stay with their
 * owner and must live as long as the structure.
 */

#ifndef TS_WS_HANDSHAKE_H
#define TS_WS_HANDSHAKE_H

#include "core/ts_types.h"


/* Base64 of 16 and of 20 bytes. */
#define TS_WS_KEY_LEN         24
#define TS_WS_ACCEPT_LEN      28

/* More subprotocols than any client offers; the check is quadratic. */
#define TS_WS_PROTOCOLS_MAX   32


typedef enum {
    TS_WS_HANDSHAKE_OK,

    /* another protocol than websocket, or several */
    TS_WS_HANDSHAKE_UPGRADE,

    /* a WebSocket, but not of version 13: answer 426 */
    TS_WS_HANDSHAKE_VERSION,

    /* not as section 4.2.1 wants the request */
    TS_WS_HANDSHAKE_METHOD,
    TS_WS_HANDSHAKE_HTTP_VERSION,
    TS_WS_HANDSHAKE_CONNECTION,
    TS_WS_HANDSHAKE_REPEATED,
    TS_WS_HANDSHAKE_KEY,
    TS_WS_HANDSHAKE_PROTOCOL,
    TS_WS_HANDSHAKE_BODY,

    /* not as section 4.1 lets a client accept the answer */
    TS_WS_HANDSHAKE_ACCEPT,
    TS_WS_HANDSHAKE_EXTENSION
} ts_ws_handshake_e;


/* One header line at most of each, except Connection. */

typedef struct {
    ts_slice_t  upgrade;
    ts_slice_t  version;
    ts_slice_t  key;
    ts_slice_t  accept;
    ts_slice_t  protocols;
    ts_slice_t  extensions;
    unsigned    connection_upgrade:1;   /* Connection lists `upgrade` */
    unsigned    repeated:1;             /* one of the above came twice */
    unsigned    body:1;                 /* announces a body */
} ts_ws_handshake_t;


/* Notes what the handshake needs of one header line; ignores all others. */

void ts_ws_handshake_header(ts_ws_handshake_t *h, ts_slice_t name,
    ts_slice_t value);

/* Section 4.2.1; http_version is 1001 for HTTP/1.1. */

ts_ws_handshake_e ts_ws_handshake_request(const ts_ws_handshake_t *h,
    ts_slice_t method, unsigned http_version);

/*
 * Section 4.1: may the client accept this 101? Key and protocols are those of
 * the handshake that passed ts_ws_handshake_request(). No extension was offered
 * to the backend, so none may be answered.
 */

ts_ws_handshake_e ts_ws_handshake_response(const ts_ws_handshake_t *h,
    ts_slice_t key, ts_slice_t protocols);

/* What the verdict means, for the log. */

const char *ts_ws_handshake_text(ts_ws_handshake_e verdict);

/*
 * Section 4.2.2: Sec-WebSocket-Accept for a key. Returns 0 if the cryptographic
 * library has no SHA-1.
 */

int ts_ws_handshake_accept(ts_slice_t key, uint8_t out[TS_WS_ACCEPT_LEN]);

/*
 * Takes the next subprotocol from the front of *list. Returns 1 with *item, 0
 * at the end of the list, -1 where an item is empty or not a token.
 */

int ts_ws_protocol_next(ts_slice_t *list, ts_slice_t *item);


#endif /* TS_WS_HANDSHAKE_H */
