/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The names of an attempt's counters: keyed hashes of account and address.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "core/ts_address.h"
#include "guard/ngx_http_tradesec_login_conf.h"


/* tag, and account or address */

#define NGX_HTTP_TRADESEC_LOGIN_HASHED  (sizeof(uint64_t) + TS_FOLD_OUT)


static ts_attempts_key_t ngx_http_tradesec_login_hash(const u_char *key,
    uint64_t tag, ts_slice_t data);
static ts_address_t ngx_http_tradesec_login_address(ngx_http_request_t *r);


void
ngx_http_tradesec_login_keys(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account,
    ts_attempt_t *attempt)
{
    uint64_t            tag;
    ngx_uint_t          i, n;
    const u_char       *key;
    ts_address_t        address;
    ts_attempts_key_t   account_key, address_key;

    static const uint8_t  bits[NGX_HTTP_TRADESEC_LOGIN_COUNTERS] = {
        0, 0, 64, 56, 48
    };

    key = llcf->store->key(llcf->store);
    tag = llcf->policy->counter_tag;

    account_key = ngx_http_tradesec_login_hash(key, tag, account);

    address = ngx_http_tradesec_login_address(r);

    n = ts_address_is_v4(&address) ? NGX_HTTP_TRADESEC_LOGIN_PREFIX56
                                   : NGX_HTTP_TRADESEC_LOGIN_COUNTERS;

    for (i = NGX_HTTP_TRADESEC_LOGIN_ADDRESS; i < n; i++) {
        attempt->counters[i].key = ngx_http_tradesec_login_hash(key, tag + i,
                                       ts_address_network(&address, bits[i]));
    }

    /*
     * Both are pseudo-random under the same key, so their sum is as good a
     * name for the pair as a third hash.
     */

    address_key = attempt->counters[NGX_HTTP_TRADESEC_LOGIN_ADDRESS].key;

    attempt->counters[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key = account_key;
    attempt->counters[NGX_HTTP_TRADESEC_LOGIN_PAIR].key = (ts_attempts_key_t) {
        { account_key.word[0] + address_key.word[0],
          account_key.word[1] + address_key.word[1] }
    };

    for (i = 0; i < n; i++) {
        attempt->counters[i].rule = &llcf->rules[i];
    }

    attempt->n = (uint32_t) n;
    attempt->account = (uint32_t) account_key.word[1];
}


/* SipHash-128 under the store's key: neither accounts nor addresses in clear */

static ts_attempts_key_t
ngx_http_tradesec_login_hash(const u_char *key, uint64_t tag, ts_slice_t data)
{
    u_char             buf[NGX_HTTP_TRADESEC_LOGIN_HASHED];
    ts_attempts_key_t  hash;

    ngx_memcpy(buf, &tag, sizeof(tag));
    ngx_memcpy(buf + sizeof(tag), data.data, data.len);

    (void) crypto_shorthash_siphashx24((u_char *) hash.word, buf,
                                       sizeof(tag) + data.len, key);

    return hash;
}


/* Clients of a unix socket share one address, unless realip knows better. */

static ts_address_t
ngx_http_tradesec_login_address(ngx_http_request_t *r)
{
    struct sockaddr_in    *sin;
    static const uint8_t   none[4] = { 0, 0, 0, 0 };

#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        return ts_address_v4((uint8_t *) &sin->sin_addr.s_addr);

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        return ts_address_v6(sin6->sin6_addr.s6_addr);

#endif

    default:
        return ts_address_v4(none);
    }
}
