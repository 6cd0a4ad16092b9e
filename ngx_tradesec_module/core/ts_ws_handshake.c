/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <openssl/evp.h>

#include "core/ts_ws_handshake.h"


/* RFC 6455 section 1.3 */
#define TS_WS_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


static void ts_ws_once(ts_ws_handshake_t *h, ts_slice_t *field,
    ts_slice_t value);
static int ts_ws_list_has(ts_slice_t list, ts_slice_t word);
static int ts_ws_key_valid(ts_slice_t key);
static int ts_ws_protocols_valid(ts_slice_t list);
static int ts_ws_protocol_offered(ts_slice_t list, ts_slice_t chosen);
static ts_slice_t ts_ws_list_item(ts_slice_t *list);
static int ts_ws_is_token(uint8_t ch);


void
ts_ws_handshake_header(ts_ws_handshake_t *h, ts_slice_t name, ts_slice_t value)
{
    if (ts_slice_eq_nocase(name, TS_SLICE("upgrade"))) {
        ts_ws_once(h, &h->upgrade, value);

    } else if (ts_slice_eq_nocase(name, TS_SLICE("connection"))) {

        if (ts_ws_list_has(value, TS_SLICE("upgrade"))) {
            h->connection_upgrade = 1;
        }

    } else if (ts_slice_eq_nocase(name, TS_SLICE("sec-websocket-version"))) {
        ts_ws_once(h, &h->version, value);

    } else if (ts_slice_eq_nocase(name, TS_SLICE("sec-websocket-key"))) {
        ts_ws_once(h, &h->key, value);

    } else if (ts_slice_eq_nocase(name, TS_SLICE("sec-websocket-accept"))) {
        ts_ws_once(h, &h->accept, value);

    } else if (ts_slice_eq_nocase(name, TS_SLICE("sec-websocket-protocol"))) {
        ts_ws_once(h, &h->protocols, value);

    } else if (ts_slice_eq_nocase(name, TS_SLICE("sec-websocket-extensions"))) {

        /* may come on several lines, and is refused or removed anyway */
        h->extensions = value;

    } else if (ts_slice_eq_nocase(name, TS_SLICE("transfer-encoding"))) {
        h->body = 1;

    } else if (ts_slice_eq_nocase(name, TS_SLICE("content-length"))) {

        if (!ts_slice_eq(value, TS_SLICE("0"))) {
            h->body = 1;
        }
    }
}


/* data is never NULL for a line that is there, even an empty one. */

static void
ts_ws_once(ts_ws_handshake_t *h, ts_slice_t *field, ts_slice_t value)
{
    if (field->data) {
        h->repeated = 1;
        return;
    }

    *field = value;

    if (field->data == NULL) {
        *field = TS_SLICE("");
    }
}


ts_ws_handshake_e
ts_ws_handshake_request(const ts_ws_handshake_t *h, ts_slice_t method,
    unsigned http_version)
{
    if (!ts_slice_eq_nocase(h->upgrade, TS_SLICE("websocket"))) {
        return TS_WS_HANDSHAKE_UPGRADE;
    }

    if (h->repeated) {
        return TS_WS_HANDSHAKE_REPEATED;
    }

    if (!ts_slice_eq(method, TS_SLICE("GET"))) {
        return TS_WS_HANDSHAKE_METHOD;
    }

    /* HTTP/2 has another way (RFC 8441), and HTTP/1.0 has no Upgrade */

    if (http_version != 1001) {
        return TS_WS_HANDSHAKE_HTTP_VERSION;
    }

    if (h->body) {
        return TS_WS_HANDSHAKE_BODY;
    }

    if (!h->connection_upgrade) {
        return TS_WS_HANDSHAKE_CONNECTION;
    }

    if (!ts_slice_eq(h->version, TS_SLICE("13"))) {
        return TS_WS_HANDSHAKE_VERSION;
    }

    if (!ts_ws_key_valid(h->key)) {
        return TS_WS_HANDSHAKE_KEY;
    }

    if (h->protocols.data && !ts_ws_protocols_valid(h->protocols)) {
        return TS_WS_HANDSHAKE_PROTOCOL;
    }

    return TS_WS_HANDSHAKE_OK;
}


ts_ws_handshake_e
ts_ws_handshake_response(const ts_ws_handshake_t *h, ts_slice_t key,
    ts_slice_t protocols)
{
    uint8_t  accept[TS_WS_ACCEPT_LEN];

    if (h->repeated) {
        return TS_WS_HANDSHAKE_REPEATED;
    }

    if (!ts_slice_eq_nocase(h->upgrade, TS_SLICE("websocket"))) {
        return TS_WS_HANDSHAKE_UPGRADE;
    }

    if (!h->connection_upgrade) {
        return TS_WS_HANDSHAKE_CONNECTION;
    }

    if (!ts_ws_handshake_accept(key, accept)
        || !ts_slice_eq(h->accept, ts_slice(accept, sizeof(accept))))
    {
        return TS_WS_HANDSHAKE_ACCEPT;
    }

    if (h->extensions.data) {
        return TS_WS_HANDSHAKE_EXTENSION;
    }

    if (h->protocols.data
        && !ts_ws_protocol_offered(protocols, h->protocols))
    {
        return TS_WS_HANDSHAKE_PROTOCOL;
    }

    return TS_WS_HANDSHAKE_OK;
}


const char *
ts_ws_handshake_text(ts_ws_handshake_e verdict)
{
    switch (verdict) {

    case TS_WS_HANDSHAKE_OK:
        return "valid";

    case TS_WS_HANDSHAKE_UPGRADE:
        return "Upgrade is not just \"websocket\"";

    case TS_WS_HANDSHAKE_VERSION:
        return "Sec-WebSocket-Version is not 13";

    case TS_WS_HANDSHAKE_METHOD:
        return "the method is not GET";

    case TS_WS_HANDSHAKE_HTTP_VERSION:
        return "not HTTP/1.1";

    case TS_WS_HANDSHAKE_CONNECTION:
        return "Connection does not list \"upgrade\"";

    case TS_WS_HANDSHAKE_REPEATED:
        return "a header line is repeated";

    case TS_WS_HANDSHAKE_KEY:
        return "Sec-WebSocket-Key is not 16 bytes in base64";

    case TS_WS_HANDSHAKE_PROTOCOL:
        return "Sec-WebSocket-Protocol is malformed or was not offered";

    case TS_WS_HANDSHAKE_BODY:
        return "the request has a body";

    case TS_WS_HANDSHAKE_ACCEPT:
        return "Sec-WebSocket-Accept does not answer the key";

    case TS_WS_HANDSHAKE_EXTENSION:
        return "an extension that was not offered";
    }

    return "";
}


int
ts_ws_handshake_accept(ts_slice_t key, uint8_t out[TS_WS_ACCEPT_LEN])
{
    uint8_t  text[TS_WS_KEY_LEN + sizeof(TS_WS_GUID) - 1];
    uint8_t  digest[EVP_MAX_MD_SIZE];
    uint8_t  base64[TS_WS_ACCEPT_LEN + 1];

    if (key.len != TS_WS_KEY_LEN) {
        return 0;
    }

    memcpy(text, key.data, TS_WS_KEY_LEN);
    memcpy(text + TS_WS_KEY_LEN, TS_WS_GUID, sizeof(TS_WS_GUID) - 1);

    if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha1(), NULL) != 1) {
        return 0;
    }

    /* writes a terminating zero */

    EVP_EncodeBlock(base64, digest, 20);
    memcpy(out, base64, TS_WS_ACCEPT_LEN);

    return 1;
}


/*
 * 16 bytes are 22 characters and "=="; the last character holds two bits, so
 * its other four are zero in the canonical form.
 */

static int
ts_ws_key_valid(ts_slice_t key)
{
    size_t   i;
    uint8_t  ch;

    if (key.len != TS_WS_KEY_LEN
        || key.data[TS_WS_KEY_LEN - 2] != '='
        || key.data[TS_WS_KEY_LEN - 1] != '=')
    {
        return 0;
    }

    for (i = 0; i < TS_WS_KEY_LEN - 3; i++) {
        ch = key.data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '+' && ch != '/')
        {
            return 0;
        }
    }

    ch = key.data[i];

    return ch == 'A' || ch == 'Q' || ch == 'g' || ch == 'w';
}


/* Section 4.1: tokens, at least one, all different. */

static int
ts_ws_protocols_valid(ts_slice_t list)
{
    int         rc;
    size_t      i, n;
    ts_slice_t  items[TS_WS_PROTOCOLS_MAX];

    for (n = 0; n < TS_WS_PROTOCOLS_MAX; n++) {
        rc = ts_ws_protocol_next(&list, &items[n]);

        if (rc <= 0) {
            return rc == 0 && n > 0;
        }

        for (i = 0; i < n; i++) {
            if (ts_slice_eq(items[i], items[n])) {
                return 0;
            }
        }
    }

    return list.len == 0;
}


static int
ts_ws_protocol_offered(ts_slice_t list, ts_slice_t chosen)
{
    ts_slice_t  item;

    while (ts_ws_protocol_next(&list, &item) == 1) {
        if (ts_slice_eq(item, chosen)) {
            return 1;
        }
    }

    return 0;
}


int
ts_ws_protocol_next(ts_slice_t *list, ts_slice_t *item)
{
    size_t  i;

    if (list->len == 0) {
        return 0;
    }

    /* a comma as the last byte would lose the empty item behind it */

    if (list->data[list->len - 1] == ',') {
        return -1;
    }

    *item = ts_ws_list_item(list);

    for (i = 0; i < item->len; i++) {
        if (!ts_ws_is_token(item->data[i])) {
            return -1;
        }
    }

    return item->len ? 1 : -1;
}


/* For Connection: empty items are harmless there. */

static int
ts_ws_list_has(ts_slice_t list, ts_slice_t word)
{
    while (list.len) {
        if (ts_slice_eq_nocase(ts_ws_list_item(&list), word)) {
            return 1;
        }
    }

    return 0;
}


/* Cuts the first item off, without the white space around it. */

static ts_slice_t
ts_ws_list_item(ts_slice_t *list)
{
    size_t      len;
    ts_slice_t  item;

    for (len = 0; len < list->len && list->data[len] != ','; len++) {
        /* void */
    }

    item = ts_slice(list->data, len);

    if (len < list->len) {
        len++;
    }

    list->data += len;
    list->len -= len;

    while (item.len && (item.data[0] == ' ' || item.data[0] == '\t')) {
        item.data++;
        item.len--;
    }

    while (item.len && (item.data[item.len - 1] == ' '
                        || item.data[item.len - 1] == '\t'))
    {
        item.len--;
    }

    return item;
}


/* RFC 9110 section 5.6.2 */

static int
ts_ws_is_token(uint8_t ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9')
           || (ch && strchr("!#$%&'*+-.^_`|~", ch) != NULL);
}
