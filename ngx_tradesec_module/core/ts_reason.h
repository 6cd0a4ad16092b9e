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
    /* freeze */                                                             \
    X(FROZEN, "frozen", 503,                                                 \
      "operators have frozen what changes state")                            \
                                                                             \
    /* methods */                                                            \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405,                         \
      "the method is not in tradesec_methods")                               \
    X(METHOD_OVERRIDE, "method_override", 400,                               \
      "a field or argument asks the backend to take another method")         \
    X(TOO_EARLY, "too_early", 425,                                           \
      "an unsafe method in TLS early data, which can be replayed")           \
                                                                             \
    /* cookies */                                                            \
    X(COOKIE_DUPLICATE, "cookie_duplicate", 400,                             \
      "a cookie of tradesec_cookie_unique is there twice, or spelt so that " \
      "the backend could read another one")                                  \
                                                                             \
    /* public */                                                             \
    X(NOT_PUBLIC, "not_public", 403,                                         \
      "the location asks for no token, and tradesec_public does not let "    \
      "such a request in")                                                   \
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
    X(WEBSOCKET_OWNER_CLAIM, "websocket_owner_claim", 403,                   \
      "the token has none of the claims that owner= compares with")          \
    X(WEBSOCKET_USER_LIMIT, "websocket_user_limit", 429,                     \
      "the user has as many open sockets as tradesec_websocket_limit allows")\
    X(WEBSOCKET_ADDRESS_LIMIT, "websocket_address_limit", 429,               \
      "so many sockets are open from this address or network")               \
    X(WEBSOCKET_ZONE_FULL, "websocket_zone_full", 503,                       \
      "tradesec_zone has no room to count another socket")                   \
    X(WEBSOCKET_FOREIGN_MESSAGE, "websocket_foreign_message", 1008,          \
      "a message of the backend belongs to another user")                    \
    X(WEBSOCKET_OWNERLESS_MESSAGE, "websocket_ownerless_message", 1008,      \
      "a message of the backend names no owner and is not public")           \
    X(WEBSOCKET_MALFORMED_MESSAGE, "websocket_malformed_message", 1008,      \
      "a message of the backend is not strict JSON: its owner is unsure")    \
    X(WEBSOCKET_BINARY_MESSAGE, "websocket_binary_message", 1003,            \
      "a message of the backend is binary, so it names no owner")            \
    X(WEBSOCKET_CLIENT_OWNER, "websocket_client_owner", 1008,                \
      "a message of the client is for another user, or needs a claim that "  \
      "the token does not have")                                             \
    X(WEBSOCKET_CLIENT_MALFORMED, "websocket_client_malformed", 1008,        \
      "a message of the client is not strict JSON, too deep, or binary")     \
    X(WEBSOCKET_CLIENT_RATE, "websocket_client_rate", 1008,                  \
      "the client sends faster than rate and burst allow")                   \
    X(WEBSOCKET_USER_RATE, "websocket_user_rate", 1008,                      \
      "a user sends faster, over all his sockets, than user_rate allows")    \
    X(WEBSOCKET_FROZEN, "websocket_frozen", 1013,                            \
      "operators have frozen what changes state, also in open sockets")      \
    X(WEBSOCKET_MESSAGE_SIZE, "websocket_message_size", 1009,                \
      "a message is larger than message_size")                               \
    X(WEBSOCKET_MEMORY, "websocket_memory", 1013,                            \
      "no memory for a message that is not complete")                        \
    X(WEBSOCKET_TOKEN_MISSING, "websocket_token_missing", 4401,              \
      "no first message of the client brought a token in time")              \
    X(WEBSOCKET_TOKEN, "websocket_token", 4401,                              \
      "a message of the client brought a token that is not good")            \
    X(WEBSOCKET_TOKEN_OTHER, "websocket_token_other", 4401,                  \
      "a message of the client brought a token of another session")          \
    X(WEBSOCKET_EXPIRED, "websocket_expired", 4401,                          \
      "the token that opened the socket has expired")                        \
    X(WEBSOCKET_REVOKED, "websocket_revoked", 4401,                          \
      "the token that opened the socket was revoked")                        \
    X(WEBSOCKET_MAX_AGE, "websocket_max_age", 1001,                          \
      "the socket has reached max_age of tradesec_websocket")                \
    X(WEBSOCKET_IDLE, "websocket_idle", 1001,                                \
      "no message from the client for idle of tradesec_websocket")           \
                                                                             \
    /* jwt */                                                                \
    X(JWT_MISSING, "jwt_missing", 401,                                       \
      "the location asks for a token, and none came")                        \
    X(JWT_AMBIGUOUS, "jwt_ambiguous", 400,                                   \
      "several credentials, or one spelt so that the backend could read "    \
      "another one")                                                         \
    X(JWT_TOO_LONG, "jwt_too_long", 401,                                     \
      "the token is longer than 8 KB")                                       \
    X(JWT_MALFORMED, "jwt_malformed", 401,                                   \
      "not three parts of canonical base64url")                              \
    X(JWT_HEADER, "jwt_header", 401,                                         \
      "the token's header is not strict JSON, has no alg, a kid that is no " \
      "string, or an extension (crit, b64)")                                 \
    X(JWT_ALGORITHM, "jwt_algorithm", 401,                                   \
      "the token's alg is not in the provider's algorithms")                 \
    X(JWT_UNKNOWN_KEY, "jwt_unknown_key", 401,                               \
      "no key of the provider has the token's kid and fits its alg")         \
    X(JWT_KEYS, "jwt_keys", 503,                                             \
      "a provider that could know the token has no keys: their source did "  \
      "not answer, or not for too long")                                     \
    X(JWT_CLAIMS, "jwt_claims", 401,                                         \
      "the claims are not strict JSON, exp is missing, or a date is no "     \
      "number")                                                              \
    X(JWT_EXPIRED, "jwt_expired", 401,                                       \
      "the token's exp has passed")                                          \
    X(JWT_NOT_YET_VALID, "jwt_not_yet_valid", 401,                           \
      "the token's nbf or iat is in the future")                             \
    X(JWT_LIFETIME, "jwt_lifetime", 401,                                     \
      "the token lives longer than max_lifetime, or has no iat to tell")     \
    X(JWT_ISSUER, "jwt_issuer", 401,                                         \
      "the token's iss is not the provider's issuer")                        \
    X(JWT_AUDIENCE, "jwt_audience", 401,                                     \
      "the token's aud does not name the provider's audience")               \
    X(JWT_TYPE, "jwt_type", 401,                                             \
      "the token is of another kind, such as a refresh token")               \
    X(JWT_SIGNATURE, "jwt_signature", 401,                                   \
      "the signature is not that of a key of the provider")                  \
    X(JWT_REVOKED, "jwt_revoked", 401,                                       \
      "the token, its session or what its user had been issued was revoked") \
    X(REVOCATIONS_STALE, "revocations_stale", 503,                           \
      "Redis is silent, so another gateway may have revoked the token")      \
    X(JWT_IDENTITY, "jwt_identity", 401,                                     \
      "a claim that is passed on as the user or in a field is missing or "   \
      "cannot be written there")                                             \
                                                                             \
    /* require */                                                            \
    X(REQUIRE_UNMET, "require_unmet", 403,                                   \
      "a rule of tradesec_require does not hold for the caller")             \
    X(REQUIRE_STEP_UP, "require_step_up", 401,                               \
      "a rule asks for a newer login, or for one with another factor")       \
    X(REQUIRE_AMBIGUOUS, "require_ambiguous", 400,                           \
      "what a rule compares is in the request twice, or spelt so that the "  \
      "backend could read something else")                                   \
    X(REQUIRE_MALFORMED, "require_malformed", 400,                           \
      "query or body, which a rule reads, is not well-formed")               \
    X(REQUIRE_BODY_TYPE, "require_body_type", 415,                           \
      "a rule reads the body, and it is of another type or encoded")         \
    X(REQUIRE_BODY_TOO_LARGE, "require_body_too_large", 413,                 \
      "a rule reads the body, and it is larger than "                        \
      "tradesec_require_body_size")                                          \
                                                                             \
    /* refresh */                                                            \
    X(REFRESH_BODY_TOO_LARGE, "refresh_body_too_large", 413,                 \
      "the body with the refresh token is larger than 64k")                  \
    X(REFRESH_BODY_TYPE, "refresh_body_type", 415,                           \
      "the body is of no type that token= of tradesec_refresh names")        \
    X(REFRESH_BODY_ENCODED, "refresh_body_encoded", 415,                     \
      "the body has a Content-Encoding, so no refresh token can be read")    \
    X(REFRESH_MALFORMED, "refresh_malformed", 400,                           \
      "the body with the refresh token is not well-formed")                  \
    X(REFRESH_AMBIGUOUS, "refresh_ambiguous", 400,                           \
      "the refresh token is there twice, or something like it")              \
    X(REFRESH_INVALID, "refresh_invalid", 400,                               \
      "the refresh token is no text that could be one")                      \
    X(REFRESH_STORE_UNAVAILABLE, "refresh_store_unavailable", 503,           \
      "Redis is away, and fallback= of tradesec_refresh is closed")          \
    X(REFRESH_RACE, "refresh_race", 409,                                     \
      "a refresh token that is, or has just been, used")                     \
    X(REFRESH_REUSED, "refresh_reused", 401,                                 \
      "a refresh token was used a second time, so its family is ended")      \
    X(REFRESH_ENDED, "refresh_ended", 401,                                   \
      "a refresh token of a family that was ended")                          \
                                                                             \
    /* session */                                                            \
    X(SESSION_UNBOUND, "session_unbound", 401,                               \
      "the session's token came without the app's cookie that it belongs "   \
      "to")                                                                  \
                                                                             \
    /* login */                                                              \
    X(LOGIN_SPELLING, "login_spelling", 403,                                 \
      "the path is another spelling of a login's path")                      \
    X(LOGIN_BODY_TOO_LARGE, "login_body_too_large", 413,                     \
      "the body is larger than tradesec_login_body_size")                    \
    X(LOGIN_BODY_TYPE, "login_body_type", 415,                               \
      "account= of tradesec_login names no source for this Content-Type")    \
    X(LOGIN_BODY_ENCODED, "login_body_encoded", 415,                         \
      "the body has a Content-Encoding, so the account cannot be read")      \
    X(LOGIN_MALFORMED, "login_malformed", 400,                               \
      "body or credentials are not well-formed")                             \
    X(LOGIN_ACCOUNT_MISSING, "login_account_missing", 400,                   \
      "the account's field is not in the body")                              \
    X(LOGIN_ACCOUNT_AMBIGUOUS, "login_account_ambiguous", 400,               \
      "two fields may be the account, which backends resolve differently")   \
    X(LOGIN_ACCOUNT_INVALID, "login_account_invalid", 400,                   \
      "the account is empty, too long, no text, or has control characters")  \
    X(LOGIN_LOCKED, "login_locked", 429,                                     \
      "the account is locked for this address after failed attempts")        \
    X(LOGIN_PAIR_LIMIT, "login_pair_limit", 429,                             \
      "too many failed attempts at this account from this address")          \
    X(LOGIN_ACCOUNT_LIMIT, "login_account_limit", 429,                       \
      "too many failed attempts at this account from all addresses")         \
    X(LOGIN_ADDRESS_LIMIT, "login_address_limit", 429,                       \
      "too many failed attempts from this address or network")               \
    X(LOGIN_ADDRESS_ACCOUNTS, "login_address_accounts", 429,                 \
      "failed attempts at too many different accounts from this address")    \
    X(LOGIN_ACCOUNT_ADDRESSES, "login_account_addresses", 429,               \
      "failed attempts at this account from too many different addresses")   \
    X(LOGIN_BUSY, "login_busy", 429,                                         \
      "attempts that are still in flight use the limit up")                  \
    X(LOGIN_STORE_UNAVAILABLE, "login_store_unavailable", 503,               \
      "Redis is away, and tradesec_login_fallback is closed")                \
    X(LOGIN_ZONE_FULL, "login_zone_full", 503,                               \
      "tradesec_zone has no room for another attempt: it is full of locks")


typedef enum {
#define X(id, word, status, sentence)  TS_REASON_##id,
    TS_REASON_MAP(X)
#undef X
    TS_REASON_N
} ts_reason_e;


/* Those of open sockets, one behind the other. */

#define TS_REASON_SOCKET_FIRST  TS_REASON_WEBSOCKET_CLIENT_FRAME
#define TS_REASON_SOCKET_N                                                   \
    (TS_REASON_WEBSOCKET_IDLE - TS_REASON_SOCKET_FIRST + 1)


typedef struct {
    const char  *word;
    unsigned     word_len;
    unsigned     status;
    const char  *sentence;
} ts_reason_t;


/* Indexed by ts_reason_e, TS_REASON_N rows. */

extern const ts_reason_t  ts_reasons[TS_REASON_N];


#endif /* TS_REASON_H */
