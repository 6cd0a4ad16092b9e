/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The one list of reasons. Each row is the enum member, the word in the log
 * and in $tradesec_reason, the status of the refusal (the close code where an
 * open WebSocket is closed), a row of docs/reasons.md and the title of a test.
 * The sentence is for operators; the client never sees it.
 */

#ifndef TS_REASON_H
#define TS_REASON_H


#define TS_REASON_MAP(X)                                                     \
    X(NONE, "", 0, "")                                                       \
                                                                             \
    /* the gate itself */                                                    \
    X(INTERNAL_ERROR, "internal_error", 500,                                 \
      "a guard could not decide, and its policy is to refuse")               \
    X(SUBREQUEST_POLICY, "subrequest_policy", 403,                           \
      "a subrequest entered a location that asks for more than its main "    \
      "request passed")                                                      \
                                                                             \
    /* methods */                                                            \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405,                         \
      "the method is not in tradesec_methods")                               \
    X(METHOD_OVERRIDE, "method_override", 400,                               \
      "a field or argument asks the backend to take another method")         \
    X(TOO_EARLY, "too_early", 425,                                           \
      "an unsafe method in TLS early data, which can be replayed")           \
                                                                             \
    /* origin */                                                             \
    X(ORIGIN_MALFORMED, "origin_malformed", 403,                             \
      "Origin, Sec-Fetch-Site or Referer stands there twice or unreadable")  \
    X(ORIGIN_NULL, "origin_null", 403,                                       \
      "the Origin is null: a sandboxed frame, a local file or a redirect")   \
    X(ORIGIN_MISMATCH, "origin_mismatch", 403,                               \
      "the Origin (or Referer) is not listed in tradesec_origin")            \
    X(CROSS_SITE, "cross_site", 403,                                         \
      "the browser says another site asked, and sent no listed Origin")      \
    X(ORIGIN_MISSING, "origin_missing", 403,                                 \
      "nothing says where a request with a credential comes from")           \
                                                                             \
    /* websocket: the handshake, on both sides */                            \
    X(UPGRADE_NOT_ALLOWED, "upgrade_not_allowed", 403,                       \
      "Upgrade asks for another protocol than websocket")                    \
    X(WEBSOCKET_HANDSHAKE, "websocket_handshake", 400,                       \
      "the request is not a valid WebSocket handshake")                      \
    X(WEBSOCKET_VERSION, "websocket_version", 426,                           \
      "a WebSocket handshake of another version than 13")                    \
    X(WEBSOCKET_ANSWER, "websocket_answer", 502,                             \
      "the backend switched protocols without a valid handshake")            \
                                                                             \
    /* websocket: open sockets; the status is the client's close code */     \
    X(WEBSOCKET_CLIENT_FRAME, "websocket_client_frame", 1002,                \
      "the client broke a rule of the WebSocket protocol")                   \
    X(WEBSOCKET_SERVER_FRAME, "websocket_server_frame", 1011,                \
      "the backend broke a rule of the WebSocket protocol")                  \
    X(WEBSOCKET_EXPIRED, "websocket_expired", 4401,                          \
      "the token that opened the socket has expired")                        \
    X(WEBSOCKET_MAX_AGE, "websocket_max_age", 1001,                          \
      "the socket has reached max_age of tradesec_websocket")                \
    X(WEBSOCKET_IDLE, "websocket_idle", 1001,                                \
      "no message from the client for idle of tradesec_websocket")


typedef enum {
#define X(id, word, status, sentence)  TS_REASON_##id,
    TS_REASON_MAP(X)
#undef X
    TS_REASON_N
} ts_reason_e;


typedef struct {
    const char  *word;
    unsigned     word_len;
    unsigned     status;
    const char  *sentence;
} ts_reason_t;


/* Indexed by ts_reason_e, TS_REASON_N rows. */

extern const ts_reason_t  ts_reasons[TS_REASON_N];


#endif /* TS_REASON_H */
