/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The findings of a server, and the end of the configuration.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/posture/ngx_http_tradesec_posture.h"
#include "request/ngx_http_tradesec_foreign.h"
#include "store/ngx_http_tradesec_redis.h"


static ngx_flag_t ngx_http_tradesec_posture_local(const struct sockaddr *sa);
static ngx_flag_t ngx_http_tradesec_posture_old_tls(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_posture_real_ip(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_posture_redis(ngx_conf_t *cf);


ngx_int_t
ngx_http_tradesec_posture(ngx_conf_t *cf)
{
    ngx_http_conf_ctx_t        *ctx, main;
    ngx_http_tradesec_place_t  *place;

    ngx_http_tradesec_foreign_unwatch(NULL);

    ctx = cf->ctx;
    main = *ctx;

    place = ngx_http_tradesec_conf_findings(cf)->places;

    for ( /* void */ ; place != NULL; place = place->next) {
        *ctx = place->ctx;

        if (ngx_http_tradesec_place_is_server(place)) {
            ngx_http_tradesec_posture_server(cf, place);
        }

        ngx_http_tradesec_posture_location(cf, place);
    }

    *ctx = main;

    ngx_http_tradesec_posture_redis(cf);

    if (ngx_http_tradesec_findings_print(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_posture_report(cf);
}


/* All servers of an address share its TLS: the listen of one may say it. */

ngx_http_tradesec_listens_t
ngx_http_tradesec_posture_listens(ngx_conf_t *cf)
{
    ngx_uint_t                    p, a, s;
    ngx_flag_t                    tls;
    ngx_http_conf_addr_t         *addr;
    ngx_http_conf_port_t         *port;
    ngx_http_core_srv_conf_t     *cscf, **servers;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_tradesec_listens_t   listens;

    listens.tls = 0;
    listens.plain = 0;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    port = cmcf->ports ? cmcf->ports->elts : NULL;

    for (p = 0; port != NULL && p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            servers = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                if (servers[s] == cscf) {
                    break;
                }
            }

            if (s == addr[a].servers.nelts) {
                continue;
            }

            tls = 0;
#if (NGX_HTTP_SSL)
            tls |= addr[a].opt.ssl;
#endif
#if (NGX_HTTP_V3)
            tls |= addr[a].opt.quic;
#endif

            listens.tls |= tls;
            listens.plain |= !tls
                    && !ngx_http_tradesec_posture_local(addr[a].opt.sockaddr);
        }
    }

    return listens;
}


/* What never leaves this host is no network. */

static ngx_flag_t
ngx_http_tradesec_posture_local(const struct sockaddr *sa)
{
#if (NGX_HAVE_INET6)
    if (sa->sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(
                             &((const struct sockaddr_in6 *) sa)->sin6_addr);
    }
#endif

    if (sa->sa_family == AF_INET) {
        return (ntohl(((const struct sockaddr_in *) sa)->sin_addr.s_addr)
                >> 24) == 127;
    }

    return 1;
}


void
ngx_http_tradesec_posture_server(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                   i;
    ngx_http_tradesec_listens_t  listens;

    if (!place->on_below) {
        return;
    }

    listens = ngx_http_tradesec_posture_listens(cf);
    i = 0;

    /* a server that redirects everything has nothing to protect */

    if (listens.plain
        && ngx_http_tradesec_foreign_next(place,
                              NGX_HTTP_TRADESEC_FOREIGN_RETURN, NULL, &i)
           == NULL
        && ngx_http_tradesec_foreign_find(place,
                              NGX_HTTP_TRADESEC_FOREIGN_TRUSTED_SCHEME, NULL)
           == NULL)
    {
        ngx_http_tradesec_finding(cf, TS_FINDING_NO_TLS);
    }

    if (listens.tls && ngx_http_tradesec_posture_old_tls(cf, place)) {
        ngx_http_tradesec_finding(cf, TS_FINDING_OLD_TLS);
    }

    ngx_http_tradesec_posture_real_ip(cf, place);
}


/*
 * What an operator wrote counts as it stands. Where nothing was written,
 * nginx's default may name old protocols that OpenSSL no longer speaks at the
 * security level at hand.
 */

static ngx_flag_t
ngx_http_tradesec_posture_old_tls(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place)
{
#if (NGX_HTTP_SSL)

    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (!(sscf->protocols & (NGX_SSL_SSLv2|NGX_SSL_SSLv3|NGX_SSL_TLSv1
                             |NGX_SSL_TLSv1_1)))
    {
        return 0;
    }

    if (ngx_http_tradesec_foreign_find(place,
                               NGX_HTTP_TRADESEC_FOREIGN_SSL_PROTOCOLS, NULL)
        != NULL)
    {
        return 1;
    }

#if (OPENSSL_VERSION_NUMBER >= 0x30000000L)
    return sscf->ssl.ctx != NULL
           && SSL_CTX_get_security_level(sscf->ssl.ctx) == 0;
#else
    return 1;
#endif

#else

    return 0;

#endif
}


/* Trusting an eighth of all addresses is trusting everybody. */

static void
ngx_http_tradesec_posture_real_ip(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    u_char                             *slash;
    ngx_int_t                           bits;
    ngx_str_t                           value;
    ngx_uint_t                          i;
    const ngx_http_tradesec_place_t    *from;
    const ngx_http_tradesec_foreign_t  *foreign;

    for (from = place; from != NULL; from = from->parent) {
        i = 0;

        while ((foreign = ngx_http_tradesec_foreign_next(from,
                            NGX_HTTP_TRADESEC_FOREIGN_REAL_IP_FROM, NULL, &i))
               != NULL)
        {
            value = foreign->args[1];
            slash = ngx_strlchr(value.data, value.data + value.len, '/');

            if (slash == NULL) {
                continue;
            }

            slash++;
            bits = ngx_atoi(slash, value.data + value.len - slash);

            if (bits != NGX_ERROR && bits < 8) {
                ngx_http_tradesec_finding_at(cf,
                                             TS_FINDING_REAL_IP_EVERYWHERE,
                                             place, &foreign->file,
                                             foreign->line, &value);
            }
        }
    }
}


static void
ngx_http_tradesec_posture_redis(ngx_conf_t *cf)
{
    ngx_http_tradesec_place_t             *http;
    const ngx_http_tradesec_redis_conf_t  *redis;

    redis = ngx_http_tradesec_conf_redis(cf);

    if (redis == NULL) {
        return;
    }

    http = ngx_http_tradesec_conf_place(cf);

    if (!redis->local && redis->password.len == 0
        && redis->tls.certificate_file.len == 0)
    {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_REDIS_WITHOUT_PASSWORD,
                                     http, &redis->file, redis->line, NULL);
    }

    if (!redis->local && !redis->tls.wanted) {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_REDIS_WITHOUT_TLS, http,
                                     &redis->file, redis->line, NULL);
    }

    if (redis->readable.len) {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_SECRET_READABLE, http,
                                     &redis->file, redis->line,
                                     &redis->readable);
    }
}
