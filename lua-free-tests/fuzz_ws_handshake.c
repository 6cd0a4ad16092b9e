/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Header lines "name:value" of a request, a blank line, those of a 101. What is
 * accepted must be so by a second reading of the rules.
 */

#define _GNU_SOURCE         /* memmem */

#include <stdlib.h>
#include <strings.h>
#include <openssl/evp.h>

#include "core/ts_ws_handshake.h"


static void
check(int ok)
{
    if (!ok) {
        abort();
    }
}


/* Reads lines until an empty one; returns what is behind it. */

static const uint8_t *
headers(ts_ws_handshake_t *h, const uint8_t *p, const uint8_t *last)
{
    const uint8_t  *end, *colon;

    memset(h, 0, sizeof(*h));

    while (p < last) {
        end = memchr(p, '\n', last - p);
        end = end ? end : last;

        if (end == p) {
            return end + 1;
        }

        colon = memchr(p, ':', end - p);

        if (colon) {
            ts_ws_handshake_header(h, ts_slice(p, colon - p),
                                   ts_slice(colon + 1, end - colon - 1));
        }

        p = end < last ? end + 1 : last;
    }

    return last;
}


static int
is_websocket(ts_slice_t s)
{
    return s.len == 9 && strncasecmp((char *) s.data, "websocket", 9) == 0;
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t            raw[64], again[64], accept[TS_WS_ACCEPT_LEN];
    ts_slice_t         list, item;
    const uint8_t     *p;
    ts_ws_handshake_t  req, res;

    p = headers(&req, data, data + size);
    headers(&res, p < data + size ? p : data + size, data + size);

    if (ts_ws_handshake_request(&req, TS_SLICE("GET"), 1001)
        != TS_WS_HANDSHAKE_OK)
    {
        return 0;
    }

    check(is_websocket(req.upgrade));
    check(req.connection_upgrade && !req.repeated && !req.body);
    check(req.version.len == 2 && memcmp(req.version.data, "13", 2) == 0);

    /* canonical: decoding and encoding gives the same text */

    check(req.key.len == 24);
    check(EVP_DecodeBlock(raw, req.key.data, 24) == 18);
    EVP_EncodeBlock(again, raw, 16);
    check(memcmp(again, req.key.data, 24) == 0);

    list = req.protocols;

    while (list.len) {
        check(ts_ws_protocol_next(&list, &item) == 1);
        check(item.len && memchr(item.data, ',', item.len) == NULL
              && memchr(item.data, ' ', item.len) == NULL);
    }

    if (ts_ws_handshake_response(&res, req.key, req.protocols)
        != TS_WS_HANDSHAKE_OK)
    {
        return 0;
    }

    check(is_websocket(res.upgrade) && res.extensions.data == NULL);
    check(ts_ws_handshake_accept(req.key, accept));
    check(res.accept.len == 28 && memcmp(res.accept.data, accept, 28) == 0);

    if (res.protocols.data) {
        check(memmem(req.protocols.data, req.protocols.len,
                     res.protocols.data, res.protocols.len) != NULL);
    }

    return 0;
}
