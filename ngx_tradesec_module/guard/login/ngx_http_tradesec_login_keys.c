/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The names of an attempt's counters: keyed hashes of account and address.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_address.h"
#include "core/ts_siphash.h"
#include "guard/login/ngx_http_tradesec_login_conf.h"


/*
 * The keys of the addresses that were seen last, each at its place: most
 * attempts come on a connection, or at least from an address, that has made
 * others, and IPv6 has three keys.
 */

#define NGX_HTTP_TRADESEC_LOGIN_RECENT  64

typedef struct {
    uint64_t             secret;    /* of the store's key */
    uint64_t             tag;
    uint64_t             high;      /* the address */
    uint64_t             low;
    uint32_t             n;         /* 0: nothing is here */
    ts_attempts_key_t    keys[NGX_HTTP_TRADESEC_LOGIN_NETWORKS];
} ngx_http_tradesec_login_recent_t;


static void ngx_http_tradesec_login_device_keys(const u_char *key,
    uint64_t tag, ts_slice_t account, const ts_device_t *device,
    const ts_attempts_key_t *address, ts_attempts_counter_t *c);
static const ngx_http_tradesec_login_recent_t *
    ngx_http_tradesec_login_address_keys(const u_char *key, uint64_t tag,
    const ts_address_t *address);
static ts_address_t ngx_http_tradesec_login_address(ngx_http_request_t *r);


/*
 * SipHash-128 under the store's key: neither accounts nor addresses in clear.
 * The name of the pair is made of both: they are pseudo-random under the same
 * key, so it is as good as that of a third hash.
 */

void
ngx_http_tradesec_login_keys(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account,
    const ts_device_t *device, ts_attempt_t *attempt)
{
    uint32_t                                 i, other;
    uint64_t                                 tag, *hash;
    const u_char                            *key;
    ts_address_t                             address;
    ts_attempts_counter_t                   *c;
    const ngx_http_tradesec_login_recent_t  *recent;

    c = attempt->counters;

    key = llcf->store->key(llcf->store);
    tag = llcf->policy->counter_tag;

    hash = c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key.word;
    ts_siphash(key, tag, account, hash);

    address = ngx_http_tradesec_login_address(r);
    recent = ngx_http_tradesec_login_address_keys(key, tag, &address);

    other = (uint32_t) hash[1];

    c[NGX_HTTP_TRADESEC_LOGIN_PAIR].key
        = ts_attempts_pair(&c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key,
                           &recent->keys[0]);

    if (device != NULL) {
        ngx_http_tradesec_login_device_keys(key, tag, account, device,
                                            &recent->keys[0], c);
    }

    for (i = 0; i < recent->n; i++) {
        c[NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i].key = recent->keys[i];
    }

    attempt->n = NGX_HTTP_TRADESEC_LOGIN_ADDRESS + recent->n;

    for (i = 0; i < attempt->n; i++) {
        c[i].rule = &llcf->rules[i];
        c[i].other = other;
    }

    c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].other
                                     = (uint32_t) recent->keys[0].word[1];
}


/*
 * In the place of the pair, the browser at this address; in the place of the
 * account, all browsers that are known there: however many cookies somebody
 * has, they never buy more than that one budget. The pair is still one of the
 * account and the address by its name.
 */

static ts_noinline void
ngx_http_tradesec_login_device_keys(const u_char *key, uint64_t tag,
    ts_slice_t account, const ts_device_t *device,
    const ts_attempts_key_t *address, ts_attempts_counter_t *c)
{
    uint64_t  hash[2];

    ngx_http_tradesec_login_devices_key(key, tag, account,
                                &c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key);

    ts_siphash(key, tag + NGX_HTTP_TRADESEC_LOGIN_COUNTERS + 1,
               ts_slice(device->id, TS_DEVICE_ID), hash);

    c[NGX_HTTP_TRADESEC_LOGIN_PAIR].key.word[0] = hash[0] + address->word[0];
}


void
ngx_http_tradesec_login_devices_key(const u_char *key, uint64_t tag,
    ts_slice_t account, ts_attempts_key_t *devices_key)
{
    ts_siphash(key, tag + NGX_HTTP_TRADESEC_LOGIN_COUNTERS, account,
               devices_key->word);
}


void
ngx_http_tradesec_login_account_key(const u_char *key, uint64_t tag,
    ts_slice_t account, ts_attempts_key_t *account_key)
{
    ts_siphash(key, tag, account, account_key->word);
}


ngx_uint_t
ngx_http_tradesec_login_address_key(const u_char *key, uint64_t tag,
    const ts_address_t *address, ts_attempts_key_t *address_keys)
{
    const ngx_http_tradesec_login_recent_t  *recent;

    recent = ngx_http_tradesec_login_address_keys(key, tag, address);

    ngx_memcpy(address_keys, recent->keys,
               recent->n * sizeof(ts_attempts_key_t));

    return recent->n;
}


static const ngx_http_tradesec_login_recent_t *
ngx_http_tradesec_login_address_keys(const u_char *key, uint64_t tag,
    const ts_address_t *address)
{
    uint64_t                           secret, high, low;
    ngx_uint_t                         i, n;
    ngx_http_tradesec_login_recent_t  *recent;

    static ngx_http_tradesec_login_recent_t
        table[NGX_HTTP_TRADESEC_LOGIN_RECENT];

    static const uint8_t  bits[NGX_HTTP_TRADESEC_LOGIN_NETWORKS] = {
        64, 56, 48
    };

    ngx_memcpy(&secret, key, sizeof(secret));
    ngx_memcpy(&high, address->bytes, sizeof(high));
    ngx_memcpy(&low, address->bytes + 8, sizeof(low));

    /* the last bits of an IPv6 network, and of an IPv4 address */

    i = ((high ^ low) >> 56) % NGX_HTTP_TRADESEC_LOGIN_RECENT;

    recent = &table[i];

    if (recent->secret == secret && recent->tag == tag
        && recent->high == high && recent->low == low && recent->n != 0)
    {
        return recent;
    }

    recent->secret = secret;
    recent->tag = tag;
    recent->high = high;
    recent->low = low;
    n = ts_address_is_v4(address) ? 1 : NGX_HTTP_TRADESEC_LOGIN_NETWORKS;
    recent->n = n;

    for (i = 0; i < n; i++) {
        ts_siphash(key, tag + NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i,
                   ts_address_network(address, bits[i]),
                   recent->keys[i].word);
    }

    return recent;
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
