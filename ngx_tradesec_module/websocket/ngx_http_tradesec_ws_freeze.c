/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The client's messages while operators have frozen what changes state.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_pattern.h"
#include "websocket/ngx_http_tradesec_ws.h"


/* Text of a message up to this size is put together on the stack. */

#define NGX_HTTP_TRADESEC_WS_FREEZE_TEXT  4096

/* Values and names, and containers in each other, of one that may pass. */

#define NGX_HTTP_TRADESEC_WS_FREEZE_TAPE  512
#define NGX_HTTP_TRADESEC_WS_FREEZE_DEPTH 16


static ngx_flag_t ngx_http_tradesec_ws_fits(
    const ngx_http_tradesec_ws_frozen_t *unfrozen, ts_slice_t text);


/*
 * A message that has begun goes on to its end: the backend may have its
 * beginning. From then on whole messages are judged, until the server is no
 * longer frozen and nothing is held.
 */

size_t
ngx_http_tradesec_ws_freeze(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, size_t size)
{
    ngx_flag_t  border;

    if (stream->stopped || (stream->whole && !stream->iced)) {
        return size;
    }

    border = ts_ws_at_border(&stream->parser) && stream->parser.message == 0;

    if (!ts_revocations_frozen(ws->terms.freeze)) {

        if (stream->iced && border && stream->hold == NULL) {
            stream->iced = 0;
            stream->whole = 0;
            stream->parser.limit = 0;
        }

        return size;
    }

    if (stream->iced) {
        return size;
    }

    if (border) {
        stream->iced = 1;
        stream->whole = 1;
        stream->parser.limit = NGX_HTTP_TRADESEC_WS_LARGEST;
        return size;
    }

    return (size_t) ngx_min(size, ts_ws_missing(&stream->parser));
}


ngx_flag_t
ngx_http_tradesec_ws_may_thaw(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t len)
{
    u_char                               *text;
    ngx_flag_t                            fits;
    u_char                                buf[NGX_HTTP_TRADESEC_WS_FREEZE_TEXT];
    const ngx_http_tradesec_ws_policy_t  *policy;

    if (ws->terms.freeze == NULL
        || !ts_revocations_frozen(ws->terms.freeze))
    {
        return 1;
    }

    policy = ws->terms.rules->client;

    if (policy == NULL
        || policy->unfrozen == NULL
        || (frames[0] & TS_WS_OPCODE) != TS_WS_TEXT)
    {
        return 0;
    }

    text = ngx_http_tradesec_ws_text(ws, frames, &len, buf, sizeof(buf));
    if (text == NULL) {
        return 0;
    }

    fits = ngx_http_tradesec_ws_fits(policy->unfrozen, ts_slice(text, len));

    if (text != buf) {
        ngx_free(text);
    }

    return fits;
}


static ngx_flag_t
ngx_http_tradesec_ws_fits(const ngx_http_tradesec_ws_frozen_t *unfrozen,
    ts_slice_t text)
{
    ts_json_t               json;
    ngx_uint_t              i;
    ts_slice_t              value;
    const ts_json_token_t  *found;

    static ts_json_token_t  tape[NGX_HTTP_TRADESEC_WS_FREEZE_TAPE];

    json.tokens = tape;
    json.size = NGX_HTTP_TRADESEC_WS_FREEZE_TAPE;
    json.max_depth = NGX_HTTP_TRADESEC_WS_FREEZE_DEPTH;

    if (ts_json_parse(&json, text) != TS_JSON_OK) {
        return 0;
    }

    for (i = 0; i < unfrozen->n; i++) {
        found = ts_json_get(&json, json.tokens, &unfrozen->pointers[i]);

        if (found == NULL || found->type != TS_JSON_STRING || found->escaped) {
            continue;
        }

        value = ts_json_raw(&json, found);

        if (ts_pattern_match(unfrozen->patterns[i], value)) {
            return 1;
        }
    }

    return 0;
}
