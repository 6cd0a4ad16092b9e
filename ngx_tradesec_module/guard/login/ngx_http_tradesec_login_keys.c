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
 * others, and IPv6 has three keys. With them the part of the hash that all
 * accounts have in common.
 */

#define NGX_HTTP_TRADESEC_LOGIN_RECENT  64

typedef struct {
    uint64_t             secret;    /* of the store's key */
    uint64_t             tag;
    uint64_t             high;      /* the address */
    uint64_t             low;
    uint64_t             n;         /* 0: nothing is here */
    uint64_t             unused;    /* with it the size is a power of two */
    ts_attempts_key_t    keys[NGX_HTTP_TRADESEC_LOGIN_NETWORKS];
    ts_siphash_t         tagged;
} ngx_http_tradesec_login_recent_t;


static void ngx_http_tradesec_login_device_keys(const u_char *key,
    uint64_t tag, ts_slice_t account, const ts_device_t *device,
    const ts_attempts_key_t *address, ts_attempts_counter_t *c);
static ngx_inline const ngx_http_tradesec_login_recent_t *
    ngx_http_tradesec_login_address_keys(const u_char *key, uint64_t tag,
    uint64_t high, uint64_t low);
static void ngx_http_tradesec_login_hash_address(
    ngx_http_tradesec_login_recent_t *recent, const u_char *key);
static ngx_inline const ngx_http_tradesec_login_recent_t *
    ngx_http_tradesec_login_client_keys(ngx_http_request_t *r,
    const u_char *key, uint64_t tag);
static ts_inline ts_attempts_key_t ngx_http_tradesec_login_name_account(
    const ts_siphash_t *tagged, ts_slice_t account);


/*
 * SipHash under the store's key: neither accounts nor addresses in clear. The
 * name of the pair is made of both: they are pseudo-random under the same key,
 * so it is as good as that of a third hash.
 */

void
ngx_http_tradesec_login_keys(ngx_http_request_t *r,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account,
    const ts_device_t *device, ts_attempt_t *attempt)
{
    uint32_t                                 other;
    uint64_t                                 i, tag;
    const u_char                            *key;
    ts_attempts_counter_t                   *c;
    const ngx_http_tradesec_login_recent_t  *recent;

    key = *llcf->store->key;
    tag = llcf->policy->counter_tag;

    recent = ngx_http_tradesec_login_client_keys(r, key, tag);

    attempt->n = NGX_HTTP_TRADESEC_LOGIN_ADDRESS + (uint32_t) recent->n;
    c = attempt->counters;

    c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key
        = ngx_http_tradesec_login_name_account(&recent->tagged, account);
    other = (uint32_t) c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key.word[1];

    c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].rule
        = &llcf->rules[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT];
    c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].other
        = (uint32_t) recent->keys[0].word[1];

    c[NGX_HTTP_TRADESEC_LOGIN_PAIR].key
        = ts_attempts_pair(&c[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].key,
                           &recent->keys[0]);
    c[NGX_HTTP_TRADESEC_LOGIN_PAIR].rule
        = &llcf->rules[NGX_HTTP_TRADESEC_LOGIN_PAIR];
    c[NGX_HTTP_TRADESEC_LOGIN_PAIR].other = other;

    i = 0;

    do {
        c[NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i].key = recent->keys[i];
        c[NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i].rule
            = &llcf->rules[NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i];
        c[NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i].other = other;
    } while (++i < recent->n);

    if (device != NULL) {
        ngx_http_tradesec_login_device_keys(key, tag, account, device,
                                            &recent->keys[0], c);
    }
}


/*
 * 64 bits are enough to tell accounts apart that nobody can choose by their
 * hashes; both words have them, since names of pairs are made of parts.
 */

static ts_inline ts_attempts_key_t
ngx_http_tradesec_login_name_account(const ts_siphash_t *tagged,
    ts_slice_t account)
{
    uint64_t  hash;

    hash = ts_siphash64(tagged, account);

    return (ts_attempts_key_t) { { hash, hash } };
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
    ts_siphash_t  tagged;

    tagged = ts_siphash64_begin(key, tag);
    *account_key = ngx_http_tradesec_login_name_account(&tagged, account);
}


ngx_uint_t
ngx_http_tradesec_login_address_key(const u_char *key, uint64_t tag,
    const ts_address_t *address, ts_attempts_key_t *address_keys)
{
    uint64_t                                 high, low;
    const ngx_http_tradesec_login_recent_t  *recent;

    ngx_memcpy(&high, address->bytes, sizeof(high));
    ngx_memcpy(&low, address->bytes + 8, sizeof(low));

    recent = ngx_http_tradesec_login_address_keys(key, tag, high, low);

    ngx_memcpy(address_keys, recent->keys,
               recent->n * sizeof(ts_attempts_key_t));

    return recent->n;
}


static ngx_inline const ngx_http_tradesec_login_recent_t *
ngx_http_tradesec_login_address_keys(const u_char *key, uint64_t tag,
    uint64_t high, uint64_t low)
{
    uint64_t                           secret;
    ngx_http_tradesec_login_recent_t  *recent;

    static ngx_http_tradesec_login_recent_t
        table[NGX_HTTP_TRADESEC_LOGIN_RECENT];

    ngx_memcpy(&secret, key, sizeof(secret));

    /* by the last bits of an IPv6 network, and of an IPv4 address */

    recent = &table[((high ^ low) >> 56) % NGX_HTTP_TRADESEC_LOGIN_RECENT];

    if (recent->low != low || recent->high != high || recent->tag != tag
        || recent->secret != secret || recent->n == 0)
    {
        recent->secret = secret;
        recent->tag = tag;
        recent->high = high;
        recent->low = low;

        ngx_http_tradesec_login_hash_address(recent, key);
    }

    return recent;
}


static ts_noinline void
ngx_http_tradesec_login_hash_address(ngx_http_tradesec_login_recent_t *recent,
    const u_char *key)
{
    uint64_t      i;
    ts_address_t  address;

    static const uint8_t  bits[NGX_HTTP_TRADESEC_LOGIN_NETWORKS] = {
        64, 56, 48
    };

    ngx_memcpy(address.bytes, &recent->high, sizeof(recent->high));
    ngx_memcpy(address.bytes + 8, &recent->low, sizeof(recent->low));

    recent->tagged = ts_siphash64_begin(key, recent->tag);
    recent->n = ts_address_is_v4(&address) ? 1
                                           : NGX_HTTP_TRADESEC_LOGIN_NETWORKS;

    for (i = 0; i < recent->n; i++) {
        ts_siphash(key, recent->tag + NGX_HTTP_TRADESEC_LOGIN_ADDRESS + i,
                   ts_address_network(&address, bits[i]),
                   recent->keys[i].word);
    }
}


/* Clients of a unix socket share one address, unless realip knows better. */

static ngx_inline const ngx_http_tradesec_login_recent_t *
ngx_http_tradesec_login_client_keys(ngx_http_request_t *r, const u_char *key,
    uint64_t tag)
{
    uint64_t                    high, low;
    const struct sockaddr_in   *sin;

#if (NGX_HAVE_INET6)
    const struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        ngx_memcpy(&high, sin6->sin6_addr.s6_addr, sizeof(high));
        ngx_memcpy(&low, sin6->sin6_addr.s6_addr + 8, sizeof(low));
        break;

#endif

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        high = 0;
        low = ts_address_low_v4(sin->sin_addr.s_addr);
        break;

    default:
        high = 0;
        low = ts_address_low_v4(0);
    }

    return ngx_http_tradesec_login_address_keys(key, tag, high, low);
}
