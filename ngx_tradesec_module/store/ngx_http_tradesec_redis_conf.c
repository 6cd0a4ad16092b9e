/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_redis.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_suggest.h"
#include "core/ts_word.h"
#include "store/ngx_http_tradesec_redis_secret.h"
#include "store/ngx_http_tradesec_store.h"


#define NGX_HTTP_TRADESEC_REDIS_PORT         6379
#define NGX_HTTP_TRADESEC_REDIS_FILE_MAX     4096
#define NGX_HTTP_TRADESEC_REDIS_KEY_MIN      16      /* bytes of key_file */
#define NGX_HTTP_TRADESEC_REDIS_TIMEOUT_MAX  10000


static char *ngx_http_tradesec_redis_url(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t url);
static ngx_int_t ngx_http_tradesec_redis_credentials(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t text);
static ngx_int_t ngx_http_tradesec_redis_unescape(ngx_conf_t *cf,
    ngx_str_t from, ngx_str_t *to);
static char *ngx_http_tradesec_redis_resolve(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t server);
static char *ngx_http_tradesec_redis_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *parameter,
    ngx_flag_t *key);
static char *ngx_http_tradesec_redis_timeout(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *parameter, ngx_str_t v);
static char *ngx_http_tradesec_redis_set(ngx_str_t *field, ngx_str_t v);
static char *ngx_http_tradesec_redis_trust(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis);
static char *ngx_http_tradesec_redis_number(ngx_conf_t *cf, ngx_str_t v,
    ngx_uint_t *number);


const ngx_http_tradesec_redis_conf_t *
ngx_http_tradesec_redis_use(ngx_conf_t *cf,
    const ngx_http_tradesec_redis_client_t *client)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);

    if (scf->redis.redis != NULL && scf->redis.clients.n == 0) {
        (void) ngx_http_tradesec_redis_watch_add(cf,
                                                 &scf->redis.redis->watch);
    }

    if (scf->redis.clients.n < NGX_HTTP_TRADESEC_REDIS_CLIENTS) {
        scf->redis.clients.list[scf->redis.clients.n++] = client;
    }

    return scf->redis.redis;
}


const ngx_http_tradesec_redis_conf_t *
ngx_http_tradesec_conf_redis(ngx_conf_t *cf)
{
    const ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);

    return scf->redis.redis;
}


/* Nothing of the address is repeated in a message: it may have a password. */

char *
ngx_http_tradesec_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_store_conf_t  *scf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_flag_t                       key;
    ngx_http_tradesec_redis_conf_t  *redis;

    if (scf->redis.redis != NULL) {
        return "is duplicate";
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_redis_conf_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    redis->database = NGX_CONF_UNSET_UINT;
    redis->timeout = NGX_CONF_UNSET_MSEC;
    key = 0;

    value = cf->args->elts;

    rv = ngx_http_tradesec_redis_url(cf, redis, value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_tradesec_redis_parameter(cf, redis, &value[i], &key);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!key) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_redis\" must have \"key_file=\": "
                           "a file with 16 random bytes or more, the same on "
                           "every gateway, made with \"openssl rand -out "
                           "FILE 32\"");
        return NGX_CONF_ERROR;
    }

    if (redis->user.len && redis->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_redis\" has a user without a "
                           "password: write \"password_file=\"");
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_tradesec_redis_trust(cf, redis);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_init_uint_value(redis->database, 0);
    ngx_conf_init_msec_value(redis->timeout, 200);

    redis->file = cf->conf_file->file.name;
    redis->line = cf->conf_file->line;
    scf->redis.redis = redis;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_redis_url(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t url)
{
    char       *rv;
    u_char     *p, *at, *end, *slash;
    ngx_str_t   server, v;

    if (ngx_strncmp(url.data, "unix:", 5) == 0) {
        return ngx_http_tradesec_redis_resolve(cf, redis, url);
    }

    if (ngx_strncmp(url.data, "redis://", 8) == 0) {
        p = url.data + 8;

    } else if (ngx_strncmp(url.data, "rediss://", 9) == 0) {
        p = url.data + 9;
        redis->tls.wanted = 1;

    } else {
        return "needs an address: write "
               "\"redis://user:password@host:6379/0\", the same with "
               "\"rediss://\" for TLS, or \"unix:/path\"";
    }

    end = url.data + url.len;

    for (at = end; at > p && at[-1] != '@'; at--) { /* void */ }

    if (at > p) {
        v.data = p;
        v.len = at - 1 - p;

        if (ngx_http_tradesec_redis_credentials(cf, redis, v) != NGX_OK) {
            return "has credentials that cannot be read: write "
                   "\"redis://user:password@host\", with %xx for what is no "
                   "letter or digit";
        }

        p = at;
    }

    slash = ngx_strlchr(p, end, '/');

    server.data = p;
    server.len = (slash ? slash : end) - p;

    rv = ngx_http_tradesec_redis_resolve(cf, redis, server);

    if (rv != NGX_CONF_OK || slash == NULL || slash + 1 == end) {
        return rv;
    }

    v.data = slash + 1;
    v.len = end - v.data;

    return ngx_http_tradesec_redis_number(cf, v, &redis->database);
}


/* "user:password", ":password", or "password", as redis-cli reads them. */

static ngx_int_t
ngx_http_tradesec_redis_credentials(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t text)
{
    u_char     *colon;
    ngx_str_t   user, password;

    colon = ngx_strlchr(text.data, text.data + text.len, ':');

    user.data = text.data;
    user.len = colon ? colon - text.data : 0;

    password.data = colon ? colon + 1 : text.data;
    password.len = text.data + text.len - password.data;

    if (ngx_http_tradesec_redis_unescape(cf, user, &redis->user) != NGX_OK
        || ngx_http_tradesec_redis_unescape(cf, password, &redis->password)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return redis->password.len || user.len ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_tradesec_redis_unescape(ngx_conf_t *cf, ngx_str_t from,
    ngx_str_t *to)
{
    u_char     *p;
    ngx_int_t   c;
    ngx_uint_t  i;

    p = ngx_pnalloc(cf->pool, from.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    to->data = p;

    for (i = 0; i < from.len; i++) {

        if (from.data[i] != '%') {
            *p++ = from.data[i];
            continue;
        }

        c = i + 2 < from.len ? ngx_hextoi(from.data + i + 1, 2) : NGX_ERROR;

        if (c == NGX_ERROR) {
            return NGX_ERROR;
        }

        *p++ = (u_char) c;
        i += 2;
    }

    to->len = p - to->data;

    return NGX_OK;
}


/* Names are looked up now: in a worker that would stand still for it. */

static char *
ngx_http_tradesec_redis_resolve(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t server)
{
    ngx_url_t             u;
    ngx_uint_t            i;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    if (server.len == 0) {
        return "names no host";
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = server;
    u.default_port = NGX_HTTP_TRADESEC_REDIS_PORT;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\" of \"tradesec_redis\"",
                           u.err ? u.err : "no address", &server);
        return NGX_CONF_ERROR;
    }

    redis->name = server;
    redis->host = u.host;

    if (u.host.len > 2 && u.host.data[0] == '[') {
        redis->host.data++;
        redis->host.len -= 2;
    }

    redis->addrs = u.addrs;
    redis->naddrs = u.naddrs;
    redis->local = 1;

    for (i = 0; i < u.naddrs; i++) {

        switch (u.addrs[i].sockaddr->sa_family) {

        case AF_INET:
            sin = (struct sockaddr_in *) u.addrs[i].sockaddr;
            redis->local &= (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
            break;

#if (NGX_HAVE_INET6)
        case AF_INET6:
            sin6 = (struct sockaddr_in6 *) u.addrs[i].sockaddr;
            redis->local &= IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr) != 0;
            break;
#endif

        default: /* AF_UNIX */
            break;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_redis_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *parameter,
    ngx_flag_t *key)
{
    int         near;
    size_t      i, n;
    ngx_str_t   v;
    ts_slice_t  rest;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "timeout=", 8 },
        { (const uint8_t *) "key_file=", 9 },
        { (const uint8_t *) "password_file=", 14 },
        { (const uint8_t *) "user=", 5 },
        { (const uint8_t *) "database=", 9 },
        { (const uint8_t *) "ca_file=", 8 },
        { (const uint8_t *) "server_name=", 12 },
        { (const uint8_t *) "certificate_file=", 17 },
        { (const uint8_t *) "certificate_key_file=", 21 }
    };

    n = sizeof(words) / sizeof(words[0]);

    i = ts_word_open(ts_slice(parameter->data, parameter->len), words, n,
                     &rest);

    if (i == n || rest.len == 0) {
        near = ts_suggest(ts_slice(parameter->data, parameter->len), words, n);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           near < 0 ? "invalid parameter in \"tradesec_redis\""
                           : "invalid parameter in \"tradesec_redis\", did "
                             "you mean \"%*s\"?",
                           near < 0 ? 0 : words[near].len,
                           near < 0 ? NULL : words[near].data);
        return NGX_CONF_ERROR;
    }

    v.data = (u_char *) rest.data;
    v.len = rest.len;

    switch (i) {

    case 0:
        return ngx_http_tradesec_redis_timeout(cf, redis, parameter, v);

    case 1:
        if (*key) {
            return "is duplicate";
        }

        *key = 1;
        return ngx_http_tradesec_redis_key(cf, redis, v);

    case 2:
        return ngx_http_tradesec_redis_password(cf, redis, v);

    case 3:
        if (redis->user.len) {
            return "names the user twice";
        }

        redis->user = v;
        return NGX_CONF_OK;

    case 4:
        return ngx_http_tradesec_redis_number(cf, v, &redis->database);

    case 5:
        return ngx_http_tradesec_redis_set(&redis->tls.ca_file, v);

    case 6:
        return ngx_http_tradesec_redis_set(&redis->tls.server_name, v);

    case 7:
        return ngx_http_tradesec_redis_set(&redis->tls.certificate_file, v);

    default:
        return ngx_http_tradesec_redis_set(&redis->tls.certificate_key_file,
                                           v);
    }
}


static char *
ngx_http_tradesec_redis_timeout(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *parameter, ngx_str_t v)
{
    ngx_int_t  timeout;

    if (redis->timeout != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    timeout = ngx_parse_time(&v, 0);

    if (timeout < 10 || timeout > NGX_HTTP_TRADESEC_REDIS_TIMEOUT_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"tradesec_redis\", "
                           "write 10ms to 10s", parameter);
        return NGX_CONF_ERROR;
    }

    redis->timeout = (ngx_msec_t) timeout;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_redis_set(ngx_str_t *field, ngx_str_t v)
{
    if (field->len) {
        return "is duplicate";
    }

    *field = v;

    return NGX_CONF_OK;
}


/* Whose certificate is taken: that of the host, unless another is named. */

static char *
ngx_http_tradesec_redis_trust(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis)
{
    u_char                         *name;
    ngx_http_tradesec_redis_tls_t  *tls = &redis->tls;

    if (!tls->wanted) {
        return tls->ca_file.len || tls->server_name.len
               || tls->certificate_file.len || tls->certificate_key_file.len
               ? "has parameters for TLS without TLS: write \"rediss://\""
               : NGX_CONF_OK;
    }

    if ((tls->certificate_file.len == 0)
        != (tls->certificate_key_file.len == 0))
    {
        return "needs \"certificate_file=\" and \"certificate_key_file=\", "
               "or neither";
    }

    if (tls->certificate_key_file.len
        && ngx_http_tradesec_redis_private(cf, redis,
                                           &tls->certificate_key_file)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (tls->server_name.len == 0) {
        tls->server_name = redis->host;
    }

    name = ngx_pnalloc(cf->pool, tls->server_name.len + 1);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(name, tls->server_name.data, tls->server_name.len + 1);
    tls->server_name.data = name;

    return ngx_http_tradesec_redis_tls_init(cf, tls);
}


static char *
ngx_http_tradesec_redis_number(ngx_conf_t *cf, ngx_str_t v,
    ngx_uint_t *number)
{
    ngx_int_t  n;

    if (*number != NGX_CONF_UNSET_UINT) {
        return "names the database twice";
    }

    n = ngx_atoi(v.data, v.len);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid database \"%V\" in \"tradesec_redis\", "
                           "write a number", &v);
        return NGX_CONF_ERROR;
    }

    *number = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


void
ngx_http_tradesec_redis_open(ngx_http_tradesec_redis_main_conf_t *rmcf,
    ngx_log_t *log)
{
    if (rmcf->redis != NULL && rmcf->clients.n != 0) {
        ngx_http_tradesec_redis_start(rmcf->redis, &rmcf->clients, log);
    }
}
