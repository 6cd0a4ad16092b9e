/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The lines within a block tradesec_jwt_provider.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_OPTIONS_H
#define NGX_HTTP_TRADESEC_JWT_OPTIONS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "guard/jwt/ngx_http_tradesec_jwt_keys.h"
#include "guard/jwt/ngx_http_tradesec_jwt_provider.h"


/* A provider while its block is read. */

typedef struct {
    ngx_http_tradesec_jwt_provider_t  *provider;
    ngx_uint_t                         seen;    /* of the inner directives */
    ngx_str_t                          file;
    ngx_flag_t                         still;   /* it is read once */
    crypto_generichash_state           hash;    /* of all its words */
} ngx_http_tradesec_jwt_block_t;


/* Sets what the current line says; conf is the block. */

char *ngx_http_tradesec_jwt_option(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);

/* Reads the keys of a block that has been read, and makes it a provider. */

char *ngx_http_tradesec_jwt_add_block(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block);

/* The line jwks_uri. */

char *ngx_http_tradesec_jwt_set_uri(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_block_t *block, ngx_str_t *value, ngx_uint_t n);

/* Makes a text part of the provider's salt. */

void ngx_http_tradesec_jwt_hash(ngx_http_tradesec_jwt_block_t *block,
    const ngx_str_t *s);


#endif /* NGX_HTTP_TRADESEC_JWT_OPTIONS_H */
