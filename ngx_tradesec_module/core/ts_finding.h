/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The one list of findings: what is valid in a configuration and yet does not
 * hold what it seems to. Each row is the enum member, the name in the warning,
 * in tradesec_accept and in the posture report, how bad it is, what is wrong
 * and what to write; a row of docs/findings.md and of a test.
 */

#ifndef TS_FINDING_H
#define TS_FINDING_H

#include "core/ts_types.h"


#define TS_FINDING_MAP(X)                                                    \
    /* transport */                                                          \
    X(NO_TLS, "no_tls", HIGH,                                                \
      "the server is protected and listens without TLS, where everything "   \
      "can be read and changed on the way",                                  \
      "write \"listen 443 ssl\" and redirect plain http in a server of its " \
      "own, or, behind a load balancer, \"tradesec_trusted_scheme\"")        \
    X(OLD_TLS, "old_tls", HIGH,                                              \
      "the server offers a TLS protocol older than 1.2",                     \
      "write \"ssl_protocols TLSv1.2 TLSv1.3\"")                             \
    X(TLS_WITHOUT_HSTS, "tls_without_hsts", MEDIUM,                          \
      "responses over TLS go out without Strict-Transport-Security, so that "\
      "the next visit can begin in plain http",                              \
      "take out what removes it (\"tradesec_headers off\", "                 \
      "\"tradesec_header Strict-Transport-Security off\"), or set it with "  \
      "\"add_header\"")                                                      \
    X(HSTS_WITHOUT_TLS, "hsts_without_tls", MEDIUM,                          \
      "Strict-Transport-Security is set, and the server has no TLS, where "  \
      "browsers ignore it",                                                  \
      "write \"listen 443 ssl\", or, behind a load balancer, "               \
      "\"tradesec_trusted_scheme\"")                                         \
    X(UPSTREAM_UNVERIFIED, "upstream_unverified", HIGH,                      \
      "requests go out over TLS, and nobody looks at the certificate of who "\
      "answers",                                                             \
      "write \"proxy_ssl_verify on\" (grpc_, uwsgi_) and "                   \
      "\"proxy_ssl_trusted_certificate\"")                                   \
                                                                             \
    /* what lets one user have what is another's */                          \
    X(CACHE_WITHOUT_USER, "cache_without_user", HIGH,                        \
      "the cache's key does not have the user of the token in it, so that "  \
      "one user gets what was answered to another",                          \
      "put $tradesec_user into \"proxy_cache_key\" (with several issuers "   \
      "$tradesec_claim_iss, too), or write \"proxy_cache off\" here")        \
    X(UNGUARDED_LOCATION, "unguarded_location", HIGH,                        \
      "\"tradesec off\" passes requests to a backend beside guarded "        \
      "locations of the same server, and nothing is checked here",           \
      "take \"tradesec off\" out, and write \"tradesec_jwt off\" and "       \
      "\"tradesec_public on\" where anybody may come")                       \
    X(RETURN_BEFORE_GUARDS, "return_before_guards", HIGH,                    \
      "\"return\" answers before any guard is asked, so that the token rule "\
      "of this place does not hold for it",                                  \
      "serve what it returns as a file or from a backend")                   \
    X(CORS_ANY_ORIGIN, "cors_any_origin", HIGH,                              \
      "Access-Control-Allow-Origin repeats whatever origin asks, so that "   \
      "every site reads what a user's browser gets here",                    \
      "name the one origin, or choose it by a \"map\" of those you trust")   \
    X(REAL_IP_EVERYWHERE, "real_ip_everywhere", HIGH,                        \
      "\"set_real_ip_from\" trusts (nearly) every address, so that a client "\
      "says itself where it comes from, to limits by address, too",          \
      "write the addresses of your load balancers only")                     \
                                                                             \
    /* WebSocket */                                                          \
    X(WEBSOCKET_UPGRADE, "websocket_upgrade", MEDIUM,                        \
      "a WebSocket cannot be opened: the handshake does not reach the "      \
      "backend",                                                             \
      "write \"proxy_http_version 1.1\", \"proxy_set_header Upgrade "        \
      "$http_upgrade\" and \"proxy_set_header Connection "                   \
      "$connection_upgrade\"")                                               \
    X(WEBSOCKET_WITHOUT_ORIGIN, "websocket_without_origin", HIGH,            \
      "a page of any site can open this WebSocket with a user's cookies",    \
      "take \"tradesec_origin off\" out, and list the origins that may")     \
                                                                             \
    /* tokens and rules */                                                   \
    X(JWT_UNUSED, "jwt_unused", HIGH,                                        \
      "\"tradesec_jwt\" protects nothing: no location has it together with " \
      "\"tradesec on\"",                                                     \
      "write \"tradesec on\" in the server, or take the line out")           \
    X(REQUIRE_UNUSED, "require_unused", HIGH,                                \
      "\"tradesec_require\" protects nothing: no location has it together "  \
      "with \"tradesec on\"",                                                \
      "write \"tradesec on\" in the server, or take the line out")           \
    X(JWT_WITHOUT_ZONE, "jwt_without_zone", LOW,                             \
      "without \"tradesec_zone\" each request verifies the signature of its "\
      "token anew, and nothing can be revoked",                              \
      "write \"tradesec_zone zone=tradesec:16m\" in http")                   \
                                                                             \
    /* login */                                                              \
    X(LOGIN_OFF, "login_off", HIGH,                                          \
      "\"tradesec_login\" counts nothing where \"tradesec\" is off",         \
      "write \"tradesec on\"")                                               \
    X(LOGIN_WITHOUT_ORIGIN, "login_without_origin", HIGH,                    \
      "any site can log a user's browser in, as somebody else, too",         \
      "take \"tradesec_origin off\" out, and list the origins that may")     \
    X(LOGIN_WITHOUT_ACCOUNT, "login_without_account", MEDIUM,                \
      "\"account=none\" counts all attempts as those at one account, so "    \
      "that some who fail keep all others out",                              \
      "write where the account is, as \"account=json:/username\", or "       \
      "\"account=user\" where a token is asked for")                         \
    X(LOGIN_WITHOUT_SUCCESS, "login_without_success", MEDIUM,                \
      "\"tradesec_login\" without \"success=\" never forgives a failed "     \
      "attempt",                                                             \
      "write what a successful login answers, as "                           \
      "\"success=cookie:access_token\"")                                     \
    X(LOGIN_CLIENT_ABORT, "login_client_abort", LOW,                         \
      "a client that hangs up hides the outcome of its login, which then "   \
      "counts as failed",                                                    \
      "write \"proxy_ignore_client_abort on\"")                              \
    X(LOGIN_DEVICE_UNUSED, "login_device_unused", LOW,                       \
      "\"tradesec_login_device\" gives no browser a cookie where "           \
      "\"tradesec_login\" has no \"success=\"",                              \
      "write what a successful login answers")                               \
                                                                             \
    /* secrets and stores */                                                 \
    X(REDIS_WITHOUT_PASSWORD, "redis_without_password", HIGH,                \
      "\"tradesec_redis\" on another host without a password: whoever "      \
      "reaches it unlocks and locks everybody",                              \
      "write \"password_file=\"")                                            \
    X(REDIS_WITHOUT_TLS, "redis_without_tls", MEDIUM,                        \
      "\"tradesec_redis\" on another host without TLS: the network sees the "\
      "password and can change the counts",                                  \
      "write \"rediss://\", or use a TLS tunnel that ends on this host")     \
    X(SECRET_READABLE, "secret_readable", HIGH,                              \
      "a file that holds a secret can be read by everybody on this host",    \
      "chmod it to 600; the master process reads it as root")


typedef enum {
#define X(id, name, severity, problem, advice)  TS_FINDING_##id,
    TS_FINDING_MAP(X)
#undef X
    TS_FINDING_N
} ts_finding_e;


typedef struct {
    const char  *name;
    const char  *severity;
    const char  *problem;
    const char  *advice;
} ts_finding_t;


/* Indexed by ts_finding_e. */

extern const ts_finding_t  ts_findings[TS_FINDING_N];
extern const ts_slice_t    ts_finding_names[TS_FINDING_N];


/* The finding of that name; TS_FINDING_N: there is none. */

ts_finding_e ts_finding_find(ts_slice_t name);


#endif /* TS_FINDING_H */
