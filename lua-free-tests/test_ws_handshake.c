/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_ws_handshake.h"


#define RFC_KEY     "dGhlIHNhbXBsZSBub25jZQ=="
#define RFC_ACCEPT  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define OTHER       "AQIDBAUGBwgJCgsMDQ4PEA=="


/*
 * Header lines "Name: value" one per '\n', each value in a block of its exact
 * size that stays until the end of the test.
 */

static void  *blocks[64];
static size_t  nblocks;


static ts_slice_t
copy(const char *data, size_t len)
{
    uint8_t  *block;

    block = malloc(len ? len : 1);
    assert_non_null(block);
    memcpy(block, data, len);

    assert_true(nblocks < sizeof(blocks) / sizeof(blocks[0]));
    blocks[nblocks++] = block;

    return ts_slice(block, len);
}


static int
free_blocks(void **state)
{
    (void) state;

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    return 0;
}


static ts_ws_handshake_t
headers(const char *lines)
{
    const char         *colon, *end;
    ts_ws_handshake_t   h;

    memset(&h, 0, sizeof(h));

    while (*lines) {
        colon = strstr(lines, ": ");
        assert_non_null(colon);
        end = strchr(colon, '\n');
        assert_non_null(end);

        ts_ws_handshake_header(&h, copy(lines, colon - lines),
                               copy(colon + 2, end - colon - 2));
        lines = end + 1;
    }

    return h;
}


static ts_ws_handshake_e
request(const char *lines)
{
    ts_ws_handshake_e  verdict;
    ts_ws_handshake_t  h = headers(lines);

    verdict = ts_ws_handshake_request(&h, TS_SLICE("GET"), 1001);
    free_blocks(NULL);

    return verdict;
}


static ts_ws_handshake_e
response(const char *lines, const char *offered)
{
    ts_ws_handshake_e  verdict;
    ts_ws_handshake_t  req, res;

    req = headers(offered);
    res = headers(lines);

    verdict = ts_ws_handshake_response(&res, req.key, req.protocols);
    free_blocks(NULL);

    return verdict;
}


#define UPGRADE  "Upgrade: websocket\nConnection: Upgrade\n"
#define KEY      "Sec-WebSocket-Key: " RFC_KEY "\n"
#define VERSION  "Sec-WebSocket-Version: 13\n"
#define GOOD     UPGRADE KEY VERSION


static void
handshake_of_a_browser_is_valid(void **state)
{
    (void) state;

    assert_int_equal(request(GOOD), TS_WS_HANDSHAKE_OK);

    /* Firefox, and clients that write as they like */
    assert_int_equal(request("upgrade: WebSocket\n"
                             "CONNECTION: keep-alive, Upgrade\n"
                             "sec-websocket-key: " OTHER "\n"
                             "SEC-WEBSOCKET-VERSION: 13\n"
                             "Sec-WebSocket-Extensions: permessage-deflate; "
                             "client_max_window_bits\n"
                             "Cookie: a=b\n"), TS_WS_HANDSHAKE_OK);

    assert_int_equal(request("Upgrade: websocket\nConnection: keep-alive\n"
                             "Connection: ,\t upgrade ,\n" KEY VERSION
                             "Content-Length: 0\n"), TS_WS_HANDSHAKE_OK);

    assert_int_equal(request(GOOD "Sec-WebSocket-Protocol: bearer, e30.e30.x,"
                             "v2.trading\n"), TS_WS_HANDSHAKE_OK);
}


static void
upgrade_to_another_protocol_is_refused(void **state)
{
    (void) state;

    assert_int_equal(request("Upgrade: h2c\nConnection: Upgrade\n" KEY VERSION),
                     TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(request("Upgrade: websocket, h2c\nConnection: Upgrade\n"
                             KEY VERSION), TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(request("Upgrade: websocket2\nConnection: Upgrade\n"
                             KEY VERSION), TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(request("Upgrade: \nConnection: Upgrade\n" KEY VERSION),
                     TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(request(KEY VERSION), TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(request(GOOD "Upgrade: websocket\n"),
                     TS_WS_HANDSHAKE_REPEATED);
}


static void
request_that_is_no_handshake_is_refused(void **state)
{
    ts_ws_handshake_t  h = headers(GOOD);

    (void) state;

    assert_int_equal(ts_ws_handshake_request(&h, TS_SLICE("POST"), 1001),
                     TS_WS_HANDSHAKE_METHOD);
    assert_int_equal(ts_ws_handshake_request(&h, TS_SLICE("get"), 1001),
                     TS_WS_HANDSHAKE_METHOD);
    assert_int_equal(ts_ws_handshake_request(&h, TS_SLICE("GET"), 1000),
                     TS_WS_HANDSHAKE_HTTP_VERSION);
    assert_int_equal(ts_ws_handshake_request(&h, TS_SLICE("GET"), 2000),
                     TS_WS_HANDSHAKE_HTTP_VERSION);
    assert_int_equal(ts_ws_handshake_request(&h, TS_SLICE("GET"), 1001),
                     TS_WS_HANDSHAKE_OK);

    assert_int_equal(request("Upgrade: websocket\n" KEY VERSION),
                     TS_WS_HANDSHAKE_CONNECTION);
    assert_int_equal(request("Upgrade: websocket\nConnection: close\n"
                             KEY VERSION), TS_WS_HANDSHAKE_CONNECTION);
    assert_int_equal(request("Upgrade: websocket\nConnection: no upgrade\n"
                             KEY VERSION), TS_WS_HANDSHAKE_CONNECTION);

    assert_int_equal(request(GOOD "Content-Length: 4\n"),
                     TS_WS_HANDSHAKE_BODY);
    assert_int_equal(request(GOOD "Content-Length: 00\n"),
                     TS_WS_HANDSHAKE_BODY);
    assert_int_equal(request(GOOD "Transfer-Encoding: chunked\n"),
                     TS_WS_HANDSHAKE_BODY);
}


static void
only_version_13_once_is_accepted(void **state)
{
    (void) state;

    assert_int_equal(request(UPGRADE KEY), TS_WS_HANDSHAKE_VERSION);
    assert_int_equal(request(UPGRADE KEY "Sec-WebSocket-Version: 99\n"),
                     TS_WS_HANDSHAKE_VERSION);
    assert_int_equal(request(UPGRADE KEY "Sec-WebSocket-Version: 013\n"),
                     TS_WS_HANDSHAKE_VERSION);
    assert_int_equal(request(UPGRADE KEY "Sec-WebSocket-Version: 13, 8\n"),
                     TS_WS_HANDSHAKE_VERSION);
    assert_int_equal(request(GOOD "Sec-WebSocket-Version: 13\n"),
                     TS_WS_HANDSHAKE_REPEATED);
    assert_int_equal(request(GOOD), TS_WS_HANDSHAKE_OK);
}


static void
key_is_sixteen_bytes_in_canonical_base64_once(void **state)
{
    size_t             i;
    char               line[128];
    static const char  *bad[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",            /* no padding */
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZR==",          /* bits behind the last byte */
        "dGhlIHNhbXBsZSBub25jZQ=A",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25j====",
        "dGhl IHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZS-ub25jZQ==",          /* base64url */
        "dGhlIHNhbXBsZSBub25jZWFhYWE=",      /* 20 bytes */
        "dGhlIHNhbXBsZSBub25jZWE=",          /* 17 bytes */
    };

    (void) state;

    assert_int_equal(request(UPGRADE VERSION), TS_WS_HANDSHAKE_KEY);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), UPGRADE VERSION "Sec-WebSocket-Key: %s\n",
                 bad[i]);
        assert_int_equal(request(line), TS_WS_HANDSHAKE_KEY);
    }

    assert_int_equal(request(GOOD "Sec-WebSocket-Key: " OTHER "\n"),
                     TS_WS_HANDSHAKE_REPEATED);
    assert_int_equal(request(UPGRADE VERSION
                             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"),
                     TS_WS_HANDSHAKE_OK);
    assert_int_equal(request(UPGRADE VERSION
                             "Sec-WebSocket-Key: ++//++//++//++//++//+w==\n"),
                     TS_WS_HANDSHAKE_OK);
}


static void
subprotocols_are_different_tokens(void **state)
{
    int                 n;
    char                line[1024], *p;
    size_t              i;
    static const char  *bad[] = {
        "", ",", "a,", ",a", "a,,b", "a b", "a;b", "\"a\"", "a, a", "b, a, a",
        "a, \xc3\xb6", "a,\t"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), GOOD "Sec-WebSocket-Protocol: %s\n",
                 bad[i]);
        assert_int_equal(request(line), TS_WS_HANDSHAKE_PROTOCOL);
    }

    assert_int_equal(request(GOOD "Sec-WebSocket-Protocol: a\n"
                             "Sec-WebSocket-Protocol: b\n"),
                     TS_WS_HANDSHAKE_REPEATED);
    assert_int_equal(request(GOOD "Sec-WebSocket-Protocol: a, A\n"),
                     TS_WS_HANDSHAKE_OK);

    /* as many as fit, and one more */

    for (n = TS_WS_PROTOCOLS_MAX; n <= TS_WS_PROTOCOLS_MAX + 1; n++) {
        p = line + sprintf(line, GOOD "Sec-WebSocket-Protocol: p0");

        for (i = 1; i < (size_t) n; i++) {
            p += sprintf(p, ",p%d", (int) i);
        }

        strcpy(p, "\n");
        assert_int_equal(request(line), n > TS_WS_PROTOCOLS_MAX
                                        ? TS_WS_HANDSHAKE_PROTOCOL
                                        : TS_WS_HANDSHAKE_OK);
    }
}


static void
protocol_list_gives_its_items_in_order(void **state)
{
    ts_slice_t  list, item;

    (void) state;

    list = TS_SLICE("bearer ,\te30.e30.c2ln,v2");

    assert_int_equal(ts_ws_protocol_next(&list, &item), 1);
    assert_true(ts_slice_eq(item, TS_SLICE("bearer")));
    assert_int_equal(ts_ws_protocol_next(&list, &item), 1);
    assert_true(ts_slice_eq(item, TS_SLICE("e30.e30.c2ln")));
    assert_int_equal(ts_ws_protocol_next(&list, &item), 1);
    assert_true(ts_slice_eq(item, TS_SLICE("v2")));
    assert_int_equal(ts_ws_protocol_next(&list, &item), 0);
}


static void
accept_of_the_rfc_example(void **state)
{
    uint8_t  out[TS_WS_ACCEPT_LEN];

    (void) state;

    assert_true(ts_ws_handshake_accept(TS_SLICE(RFC_KEY), out));
    assert_memory_equal(out, RFC_ACCEPT, sizeof(out));
    assert_false(ts_ws_handshake_accept(TS_SLICE("short"), out));
}


#define ANSWER    UPGRADE "Sec-WebSocket-Accept: " RFC_ACCEPT "\n"
#define WITH_SUB  GOOD "Sec-WebSocket-Protocol: v2, bearer\n"


static void
answer_of_a_websocket_server_is_valid(void **state)
{
    (void) state;

    assert_int_equal(response(ANSWER, GOOD), TS_WS_HANDSHAKE_OK);
    assert_int_equal(response(ANSWER "Server: x\nSet-Cookie: a=b\n", GOOD),
                     TS_WS_HANDSHAKE_OK);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: bearer\n",
                              WITH_SUB), TS_WS_HANDSHAKE_OK);
    assert_int_equal(response(ANSWER, WITH_SUB), TS_WS_HANDSHAKE_OK);
}


static void
answer_that_does_not_fit_is_refused(void **state)
{
    (void) state;

    assert_int_equal(response(UPGRADE, GOOD), TS_WS_HANDSHAKE_ACCEPT);
    assert_int_equal(response(UPGRADE "Sec-WebSocket-Accept: "
                              "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\n", GOOD),
                     TS_WS_HANDSHAKE_ACCEPT);
    assert_int_equal(response(ANSWER, UPGRADE VERSION
                              "Sec-WebSocket-Key: " OTHER "\n"),
                     TS_WS_HANDSHAKE_ACCEPT);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Accept: " RFC_ACCEPT "\n",
                              GOOD), TS_WS_HANDSHAKE_REPEATED);

    assert_int_equal(response("Upgrade: h2c\nConnection: upgrade\n"
                              "Sec-WebSocket-Accept: " RFC_ACCEPT "\n", GOOD),
                     TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(response("Connection: upgrade\n"
                              "Sec-WebSocket-Accept: " RFC_ACCEPT "\n", GOOD),
                     TS_WS_HANDSHAKE_UPGRADE);
    assert_int_equal(response("Upgrade: websocket\n"
                              "Sec-WebSocket-Accept: " RFC_ACCEPT "\n", GOOD),
                     TS_WS_HANDSHAKE_CONNECTION);
}


static void
answer_with_an_extension_is_refused(void **state)
{
    (void) state;

    assert_int_equal(response(ANSWER "Sec-WebSocket-Extensions: "
                              "permessage-deflate\n",
                              GOOD "Sec-WebSocket-Extensions: "
                              "permessage-deflate\n"),
                     TS_WS_HANDSHAKE_EXTENSION);
}


static void
answer_with_a_subprotocol_not_offered_is_refused(void **state)
{
    (void) state;

    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: v2\n", GOOD),
                     TS_WS_HANDSHAKE_PROTOCOL);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: V2\n", WITH_SUB),
                     TS_WS_HANDSHAKE_PROTOCOL);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: v2, bearer\n",
                              WITH_SUB), TS_WS_HANDSHAKE_PROTOCOL);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: \n", WITH_SUB),
                     TS_WS_HANDSHAKE_PROTOCOL);
    assert_int_equal(response(ANSWER "Sec-WebSocket-Protocol: v2\n"
                              "Sec-WebSocket-Protocol: v2\n", WITH_SUB),
                     TS_WS_HANDSHAKE_REPEATED);
}


static void
every_verdict_has_words(void **state)
{
    int  verdict;

    (void) state;

    for (verdict = 0; verdict <= TS_WS_HANDSHAKE_EXTENSION; verdict++) {
        assert_true(strlen(ts_ws_handshake_text(verdict)) > 0);
    }
}


#define test(name)  cmocka_unit_test_teardown(name, free_blocks)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(handshake_of_a_browser_is_valid),
        test(upgrade_to_another_protocol_is_refused),
        test(request_that_is_no_handshake_is_refused),
        test(only_version_13_once_is_accepted),
        test(key_is_sixteen_bytes_in_canonical_base64_once),
        test(subprotocols_are_different_tokens),
        test(protocol_list_gives_its_items_in_order),
        test(accept_of_the_rfc_example),
        test(answer_of_a_websocket_server_is_valid),
        test(answer_that_does_not_fit_is_refused),
        test(answer_with_an_extension_is_refused),
        test(answer_with_a_subprotocol_not_offered_is_refused),
        test(every_verdict_has_words),
    };

    return cmocka_run_group_tests_name("ws_handshake", tests, NULL, NULL);
}
