/*
 * Copyright (C) the ngx_tradesec authors
 *
 * TLS to Redis. hiredis moves the bytes; what is trusted is decided here:
 * by itself hiredis would not compare the name.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "store/ngx_http_tradesec_redis_event.h"
#include "store/ngx_http_tradesec_redis_tls.h"


#if (NGX_HTTP_TRADESEC_REDIS_TLS)

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <hiredis/hiredis_ssl.h>


#define NGX_HTTP_TRADESEC_REDIS_TLS_WHY  160


static char *ngx_http_tradesec_redis_tls_trust(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls, SSL_CTX *ctx);
static char *ngx_http_tradesec_redis_tls_identify(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls, SSL_CTX *ctx);
static char *ngx_http_tradesec_redis_tls_refuse(ngx_conf_t *cf,
    ngx_str_t *file, const char *parameter);
static int ngx_http_tradesec_redis_tls_no_phrase(char *buf, int size,
    int writing, void *data);
static void ngx_http_tradesec_redis_tls_free(void *data);
static const char *ngx_http_tradesec_redis_tls_explain(SSL *ssl,
    const char *errstr);


char *
ngx_http_tradesec_redis_tls_init(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls)
{
    char                *rv;
    SSL_CTX             *ctx;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    ERR_clear_error();

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return "cannot use TLS: SSL_CTX_new() failed";
    }

    cln->handler = ngx_http_tradesec_redis_tls_free;
    cln->data = ctx;

    /* hiredis writes again from where its buffer has moved to */

    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                          |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, ngx_http_tradesec_redis_tls_no_phrase);

    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        return "cannot use TLS: OpenSSL knows no TLS 1.2";
    }

    rv = ngx_http_tradesec_redis_tls_trust(cf, tls, ctx);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_tradesec_redis_tls_identify(cf, tls, ctx);
    }

    ERR_clear_error();

    tls->ctx = ctx;

    return rv;
}


static char *
ngx_http_tradesec_redis_tls_trust(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls, SSL_CTX *ctx)
{
    const char         *name;
    X509_VERIFY_PARAM  *param;

    if (tls->ca_file.len == 0) {
        if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
            return "cannot use TLS: write \"ca_file=\"";
        }

    } else if (ngx_conf_full_name(cf->cycle, &tls->ca_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;

    } else if (SSL_CTX_load_verify_locations(ctx,
                                             (char *) tls->ca_file.data, NULL)
               != 1)
    {
        return ngx_http_tradesec_redis_tls_refuse(cf, &tls->ca_file,
                                                  "ca_file=");
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

    param = SSL_CTX_get0_param(ctx);
    name = (const char *) tls->server_name.data;

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return NGX_CONF_OK;
    }

    tls->sni = 1;

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    if (X509_VERIFY_PARAM_set1_host(param, name, tls->server_name.len) != 1) {
        return "cannot use TLS: write another \"server_name=\"";
    }

    return NGX_CONF_OK;
}


/* Who we are, where Redis asks for certificates. */

static char *
ngx_http_tradesec_redis_tls_identify(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls, SSL_CTX *ctx)
{
    if (tls->certificate_file.len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &tls->certificate_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (SSL_CTX_use_certificate_chain_file(ctx,
                                       (char *) tls->certificate_file.data)
        != 1)
    {
        return ngx_http_tradesec_redis_tls_refuse(cf, &tls->certificate_file,
                                                  "certificate_file=");
    }

    if (SSL_CTX_use_PrivateKey_file(ctx,
                                    (char *) tls->certificate_key_file.data,
                                    SSL_FILETYPE_PEM)
        != 1)
    {
        return ngx_http_tradesec_redis_tls_refuse(cf,
                                                  &tls->certificate_key_file,
                                                  "certificate_key_file=");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_redis_tls_refuse(ngx_conf_t *cf, ngx_str_t *file,
    const char *parameter)
{
    const char  *why;

    why = ERR_reason_error_string(ERR_peek_last_error());

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "cannot take \"%V\" as \"%s\" of \"tradesec_redis\" "
                       "(%s): write a file in PEM that nginx can read",
                       file, parameter, why ? why : "no reason known");

    ERR_clear_error();

    return NGX_CONF_ERROR;
}


/* Nobody is there to be asked. */

static int
ngx_http_tradesec_redis_tls_no_phrase(char *buf, int size, int writing,
    void *data)
{
    return 0;
}


static void
ngx_http_tradesec_redis_tls_free(void *data)
{
    SSL_CTX_free(data);
}


const char *
ngx_http_tradesec_redis_tls_begin(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_tls_t *tls)
{
    SSL         *ssl;
    const char  *why;

    if (tls->ctx == NULL) {
        return NULL;
    }

    why = "no memory for TLS";

    ERR_clear_error();

    ssl = SSL_new(tls->ctx);

    if (ssl != NULL
        && (!tls->sni
            || SSL_set_tlsext_host_name(ssl, tls->server_name.data) == 1))
    {
        if (redisInitiateSSL(&ac->c, ssl) == REDIS_OK) {

            /* hiredis frees it behind the last callback */

            ac->data = ssl;
            ssl = NULL;
            why = NULL;

        } else {
            why = ngx_http_tradesec_redis_tls_explain(ssl, ac->c.errstr);
        }
    }

    SSL_free(ssl);
    ERR_clear_error();

    return why;
}


ngx_flag_t
ngx_http_tradesec_redis_tls_is_done(const redisAsyncContext *ac)
{
    return ac->data == NULL || SSL_is_init_finished((SSL *) ac->data);
}


void
ngx_http_tradesec_redis_tls_read(redisAsyncContext *ac, ngx_connection_t *c)
{
    ngx_atomic_uint_t  number;

    if (ac->data == NULL) {
        redisAsyncHandleRead(ac);
        return;
    }

    number = c->number;
    ERR_clear_error();

    /* what OpenSSL holds already wakes nobody; a callback may end it all */

    do {
        redisAsyncHandleRead(ac);
    } while (c->fd != (ngx_socket_t) -1 && c->number == number
             && SSL_pending(ac->data) > 0
             && ngx_http_tradesec_redis_may_read(ac) == NGX_OK);

    ERR_clear_error();
}


ngx_flag_t
ngx_http_tradesec_redis_tls_peek(redisAsyncContext *ac)
{
    u_char      byte;
    ngx_flag_t  there;

    if (ac->data == NULL) {
        return recv(ac->c.fd, &byte, 1, MSG_PEEK) == 1;
    }

    ERR_clear_error();
    there = SSL_peek(ac->data, &byte, 1) == 1;
    ERR_clear_error();

    return there;
}


void
ngx_http_tradesec_redis_tls_write(redisAsyncContext *ac)
{
    ngx_flag_t  tls;

    tls = ac->data != NULL;

    if (tls) {
        ERR_clear_error();
    }

    redisAsyncHandleWrite(ac);

    if (tls) {
        ERR_clear_error();
    }
}


const char *
ngx_http_tradesec_redis_tls_why(const redisAsyncContext *ac)
{
    if (ac->c.err == 0) {
        return "it hung up";
    }

    return ac->data ? ngx_http_tradesec_redis_tls_explain(ac->data,
                                                          ac->c.errstr)
                    : ac->c.errstr;
}


/* hiredis says what errno is; what has failed is known to OpenSSL. */

static const char *
ngx_http_tradesec_redis_tls_explain(SSL *ssl, const char *errstr)
{
    long            verified;
    const char     *what;
    unsigned long   error;

    static u_char   why[NGX_HTTP_TRADESEC_REDIS_TLS_WHY];

    verified = SSL_get_verify_result(ssl);

    if (verified != X509_V_OK) {
        *ngx_snprintf(why, sizeof(why) - 1, "its certificate is refused: %s",
                      X509_verify_cert_error_string(verified)) = '\0';
        return (const char *) why;
    }

    error = ERR_peek_error();

    if (error == 0) {
        return errstr;
    }

    if (ERR_SYSTEM_ERROR(error)) {
        return strerror(ERR_GET_REASON(error));
    }

    if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return SSL_is_init_finished(ssl) ? "it hung up"
                                         : "it hung up in the TLS handshake";
    }

    what = ERR_reason_error_string(error);

    *ngx_snprintf(why, sizeof(why) - 1, "TLS: %s",
                  what ? what : "no reason known") = '\0';

    return (const char *) why;
}


#else /* !NGX_HTTP_TRADESEC_REDIS_TLS */


char *
ngx_http_tradesec_redis_tls_init(ngx_conf_t *cf,
    ngx_http_tradesec_redis_tls_t *tls)
{
    return "cannot use TLS: hiredis had none when this module was built "
           "(1.0 or newer has it, with libhiredis_ssl); use a unix socket, "
           "or a TLS tunnel on this host and its address";
}


const char *
ngx_http_tradesec_redis_tls_begin(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_tls_t *tls)
{
    return NULL;
}


ngx_flag_t
ngx_http_tradesec_redis_tls_is_done(const redisAsyncContext *ac)
{
    return 1;
}


void
ngx_http_tradesec_redis_tls_read(redisAsyncContext *ac, ngx_connection_t *c)
{
    redisAsyncHandleRead(ac);
}


ngx_flag_t
ngx_http_tradesec_redis_tls_peek(redisAsyncContext *ac)
{
    u_char  byte;

    return recv(ac->c.fd, &byte, 1, MSG_PEEK) == 1;
}


void
ngx_http_tradesec_redis_tls_write(redisAsyncContext *ac)
{
    redisAsyncHandleWrite(ac);
}


const char *
ngx_http_tradesec_redis_tls_why(const redisAsyncContext *ac)
{
    return ac->c.err ? ac->c.errstr : "it hung up";
}


#endif
