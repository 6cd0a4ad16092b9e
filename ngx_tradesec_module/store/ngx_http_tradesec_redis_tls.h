/*
 * Copyright (C) the ngx_tradesec authors
 *
 * TLS to Redis (rediss://), where hiredis has it (config looks whether it
 * does). The certificate of Redis is verified, always, and so is its name.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_TLS_H
#define NGX_HTTP_TRADESEC_REDIS_TLS_H

#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/async.h>


typedef struct {
    ngx_str_t  ca_file;             /* empty: the authorities of the system */
    ngx_str_t  server_name;
    ngx_str_t  certificate_file;    /* of ours, if Redis asks for one */
    ngx_str_t  certificate_key_file;
    ngx_flag_t wanted;
    ngx_flag_t sni;                 /* the name is no address */
    void      *ctx;                 /* an SSL_CTX; NULL: no TLS */
} ngx_http_tradesec_redis_tls_t;


/*
 * Reads the files; has said what is wrong with NGX_CONF_ERROR. The name has a
 * null at its end.
 */

char *ngx_http_tradesec_redis_tls_init(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls);

/*
 * On a socket that may still be connecting. NULL when it has begun, or need
 * not without ctx; otherwise why it cannot.
 */

const char *ngx_http_tradesec_redis_tls_begin(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_tls_t *tls);

/* No handshake is under way. */

ngx_flag_t ngx_http_tradesec_redis_tls_is_done(const redisAsyncContext *ac);

/*
 * What hiredis does on events. It looks at OpenSSL's list of errors, which
 * others use as well: it begins with none, and leaves none behind.
 */

void ngx_http_tradesec_redis_tls_read(redisAsyncContext *ac,
    ngx_connection_t *c);
void ngx_http_tradesec_redis_tls_write(redisAsyncContext *ac);

/* Whether something has come, which is not read yet. */

ngx_flag_t ngx_http_tradesec_redis_tls_peek(redisAsyncContext *ac);

/* Why the connection has ended, in the callback that tells so. */

const char *ngx_http_tradesec_redis_tls_why(const redisAsyncContext *ac);


#endif /* NGX_HTTP_TRADESEC_REDIS_TLS_H */
