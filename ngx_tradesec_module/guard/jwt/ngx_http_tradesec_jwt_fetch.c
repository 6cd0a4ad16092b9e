/*
 * Copyright (C) the ngx_tradesec authors
 *
 * One fetch of keys: a subrequest in the background, which has nothing of the
 * client's but its connection.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt_flight.h"


/* What a subrequest has instead of what is the client's. */

typedef struct {
    ngx_list_t                  fields;
    ngx_http_request_body_t    *body;
    ngx_http_variable_value_t  *variables;
} ngx_http_tradesec_jwt_clean_t;


static ngx_int_t ngx_http_tradesec_jwt_flight_send(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_flight_t *flight);
static ngx_int_t ngx_http_tradesec_jwt_flight_prepare(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_clean_t *clean);
static void ngx_http_tradesec_jwt_flight_clean(ngx_http_request_t *sr,
    const ngx_http_tradesec_jwt_clean_t *clean);
static ngx_int_t ngx_http_tradesec_jwt_flight_handler(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_jwt_flight_is_led(
    const ngx_http_request_t *sr);
static ngx_int_t ngx_http_tradesec_jwt_flight_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_tradesec_jwt_flight_answer(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static ngx_flag_t ngx_http_tradesec_jwt_flight_keys(
    ngx_http_tradesec_jwt_flight_t *flight, ngx_http_request_t *sr,
    ngx_int_t rc);
static ngx_flag_t ngx_http_tradesec_jwt_flight_complete(
    const ngx_http_request_t *sr, off_t len);
static void ngx_http_tradesec_jwt_flight_outdated(
    ngx_http_tradesec_jwt_ring_t *ring, ngx_log_t *log);
static void ngx_http_tradesec_jwt_flight_failed(
    ngx_http_tradesec_jwt_flight_t *flight, ngx_log_t *log, const char *what,
    ngx_uint_t status);
static void ngx_http_tradesec_jwt_flight_timeout(ngx_event_t *ev);
static void ngx_http_tradesec_jwt_flight_cut(void *data);
static void ngx_http_tradesec_jwt_flight_end(
    ngx_http_tradesec_jwt_flight_t *flight, ts_key_source_end_e end);


static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;


ts_key_source_e
ngx_http_tradesec_jwt_flight_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider)
{
    uint32_t                         number;
    ts_key_source_e                  rc;
    ngx_http_cleanup_t              *cln;
    ngx_http_tradesec_jwt_ring_t    *ring;
    ngx_http_tradesec_jwt_flight_t  *flight;

    r = r->main;
    ring = provider->ring;

    /* before it has begun: what has begun has to end */

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_tradesec_jwt_flight_t));
    if (cln == NULL) {
        return TS_KEY_SOURCE_LATER;
    }

    flight = cln->data;
    ngx_memzero(flight, sizeof(ngx_http_tradesec_jwt_flight_t));

    ngx_http_tradesec_area_lock(&ring->store->area);

    rc = ts_key_source_begin(&ring->slot->source, &provider->limits,
                             (int64_t) ngx_current_msec, (uint32_t) ngx_pid,
                             ngx_http_tradesec_jwt_flight_alive, &number);

    ngx_http_tradesec_area_unlock(&ring->store->area);

    if (rc != TS_KEY_SOURCE_BEGUN) {
        return rc;
    }

    flight->ring = ring;
    flight->number = number;

    if (ngx_http_tradesec_jwt_flight_send(r, flight) != NGX_OK) {
        ngx_http_tradesec_jwt_flight_end(flight, TS_KEY_SOURCE_CUT);
        return TS_KEY_SOURCE_LATER;
    }

    cln->handler = ngx_http_tradesec_jwt_flight_cut;

    return rc;
}


int
ngx_http_tradesec_jwt_flight_alive(uint32_t owner)
{
    return kill((pid_t) owner, 0) == 0 || ngx_errno != NGX_ESRCH;
}


static ngx_int_t
ngx_http_tradesec_jwt_flight_send(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_flight_t *flight)
{
    ngx_str_t                                uri;
    ngx_http_request_t                      *sr;
    ngx_http_post_subrequest_t              *ps;
    ngx_http_tradesec_jwt_clean_t            clean;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = flight->ring->provider;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    flight->answer = ngx_create_temp_buf(r->pool, NGX_HTTP_TRADESEC_KEYS_TEXT);

    if (ps == NULL || flight->answer == NULL
        || ngx_http_tradesec_jwt_flight_prepare(r, &clean) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_tradesec_jwt_flight_answer;
    ps->data = flight;

    uri = provider->uri;

    if (ngx_http_subrequest(r, &uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY
                            |NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tradesec_jwt_flight_clean(sr, &clean);

    flight->sr = sr;

    flight->timer.handler = ngx_http_tradesec_jwt_flight_timeout;
    flight->timer.data = flight;
    flight->timer.log = r->connection->log;

    ngx_add_timer(&flight->timer, (ngx_msec_t) provider->limits.timeout);

    return NGX_OK;
}


/* Everything that can fail, before there is a subrequest. */

static ngx_int_t
ngx_http_tradesec_jwt_flight_prepare(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_clean_t *clean)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    clean->body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    clean->variables = ngx_pcalloc(r->pool, cmcf->variables.nelts
                                          * sizeof(ngx_http_variable_value_t));

    if (clean->body == NULL || clean->variables == NULL) {
        return NGX_ERROR;
    }

    return ngx_list_init(&clean->fields, r->pool, 1, sizeof(ngx_table_elt_t));
}


/*
 * What the client has sent is nobody's business at the source: neither cookies
 * nor tokens nor a body, nor the name of the host that was asked for. Nor may
 * a variable that is evaluated there be remembered for the main request, which
 * has other fields.
 */

static void
ngx_http_tradesec_jwt_flight_clean(ngx_http_request_t *sr,
    const ngx_http_tradesec_jwt_clean_t *clean)
{
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(sr, ngx_http_core_module);

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.headers = clean->fields;
    sr->headers_in.headers.last = &sr->headers_in.headers.part;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;
    sr->headers_in.server = cscf->server_name;

    sr->request_body = clean->body;
    sr->variables = clean->variables;

    sr->unparsed_uri = sr->uri;
    sr->discard_body = 0;
}


ngx_int_t
ngx_http_tradesec_jwt_init_fetch(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_tradesec_jwt_flight_filter;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tradesec_jwt_flight_handler;

    return NGX_OK;
}


static ngx_inline ngx_flag_t
ngx_http_tradesec_jwt_is_flight(const ngx_http_request_t *r)
{
    return r != r->main && r->post_subrequest != NULL
           && r->post_subrequest->handler
              == ngx_http_tradesec_jwt_flight_answer;
}


static ngx_int_t
ngx_http_tradesec_jwt_flight_handler(ngx_http_request_t *r)
{
    return ngx_http_tradesec_jwt_is_flight(r)
           && ngx_http_tradesec_jwt_flight_is_led(r)
           ? NGX_HTTP_FORBIDDEN : NGX_DECLINED;
}


/*
 * Whether the source says from where to take the answer (X-Accel-Redirect). It
 * would reach whatever the gateway can, internal locations and those of a
 * backend, with no access phase in the way.
 */

static ngx_flag_t
ngx_http_tradesec_jwt_flight_is_led(const ngx_http_request_t *sr)
{
    const ngx_http_upstream_t  *u = sr->upstream;

    return u != NULL && u->headers_in.x_accel_redirect != NULL
           && !(u->conf->ignore_headers & NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT);
}


/*
 * The answer, piece by piece. nginx could keep it by itself, but when it is
 * longer than it may be, it would end the client's connection.
 */

static ngx_int_t
ngx_http_tradesec_jwt_flight_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                           len;
    ngx_buf_t                       *b;
    ngx_http_tradesec_jwt_flight_t  *flight;

    if (!ngx_http_tradesec_jwt_is_flight(r)) {
        return ngx_http_next_body_filter(r, in);
    }

    flight = r->post_subrequest->data;
    b = flight->answer;

    for ( /* void */ ; in; in = in->next) {

        if (!ngx_buf_in_memory(in->buf)) {
            flight->overflow |= (in->buf->in_file != 0);
            in->buf->file_pos = in->buf->file_last;
            continue;
        }

        len = in->buf->last - in->buf->pos;

        if (len > (size_t) (b->end - b->last)) {
            flight->overflow = 1;

        } else {
            b->last = ngx_cpymem(b->last, in->buf->pos, len);
        }

        in->buf->pos = in->buf->last;
    }

    return NGX_OK;
}


/*
 * The end of the subrequest. NGX_OK whatever it was: the main request is not
 * to be ended, nor answered with an error page, for it.
 */

static ngx_int_t
ngx_http_tradesec_jwt_flight_answer(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_tradesec_jwt_flight_t *flight = data;

    if (!flight->done) {
        ngx_http_tradesec_jwt_flight_end(flight,
                          ngx_http_tradesec_jwt_flight_keys(flight, sr, rc)
                          ? TS_KEY_SOURCE_GOOD : TS_KEY_SOURCE_BAD);
    }

    return NGX_OK;
}


static ngx_flag_t
ngx_http_tradesec_jwt_flight_keys(ngx_http_tradesec_jwt_flight_t *flight,
    ngx_http_request_t *sr, ngx_int_t rc)
{
    ngx_buf_t   *b;
    ngx_log_t   *log;
    ngx_uint_t   status;
    const char  *wrong;

    log = sr->connection->log;

    if (ngx_http_tradesec_jwt_flight_is_led(sr)) {
        ngx_http_tradesec_jwt_flight_failed(flight, log,
                                            "it has an X-Accel-Redirect", 0);
        return 0;
    }

    status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc
                                             : sr->headers_out.status;

    if (status != NGX_HTTP_OK) {
        ngx_http_tradesec_jwt_flight_failed(flight, log, "no answer", status);
        return 0;
    }

    b = flight->answer;

    if (rc != NGX_OK || flight->overflow
        || !ngx_http_tradesec_jwt_flight_complete(sr, b->last - b->pos))
    {
        ngx_http_tradesec_jwt_flight_failed(flight, log, "the answer is cut "
                                            "off or longer than 63 KB", 0);
        return 0;
    }

    wrong = ngx_http_tradesec_jwt_ring_fetched(flight->ring,
                                               ts_slice(b->pos,
                                                        b->last - b->pos),
                                               log);
    if (wrong != NULL) {
        ngx_http_tradesec_jwt_flight_failed(flight, log, wrong, 0);
        return 0;
    }

    return 1;
}


/* nginx says NGX_OK of an answer, too, that it could not read to its end. */

static ngx_flag_t
ngx_http_tradesec_jwt_flight_complete(const ngx_http_request_t *sr, off_t len)
{
    const ngx_event_pipe_t     *p;
    const ngx_http_upstream_t  *u;

    if (sr->headers_out.content_length_n != -1
        && sr->headers_out.content_length_n != len)
    {
        return 0;
    }

    u = sr->upstream;

#if (NGX_HTTP_CACHE)

    if (sr->cached) {
        return 1;
    }

#endif

    if (u == NULL) {
        return 1;
    }

    p = u->pipe;

    if (u->buffering && p != NULL) {
        return !p->downstream_error
               && (p->upstream_done || (p->upstream_eof && p->length == -1));
    }

    return u->length == 0 || u->length == -1;
}


/* Said once: the first time of a row of failures. */

static void
ngx_http_tradesec_jwt_flight_failed(ngx_http_tradesec_jwt_flight_t *flight,
    ngx_log_t *log, const char *what, ngx_uint_t status)
{
    ngx_uint_t                               level;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = flight->ring->provider;
    level = flight->ring->slot->source.failed ? NGX_LOG_INFO : NGX_LOG_ERR;

    if (status) {
        ngx_log_error(level, log, 0,
                      "tradesec: provider \"%V\" keeps its keys: \"%V\" "
                      "answers with status %ui%s",
                      &provider->name, &provider->uri, status,
                      status == NGX_HTTP_NOT_FOUND
                      || status == NGX_HTTP_FORBIDDEN
                      ? ": is there an internal location for it in this "
                        "server?" : "");

    } else {
        ngx_log_error(level, log, 0,
                      "tradesec: provider \"%V\" keeps its keys: \"%V\": %s",
                      &provider->name, &provider->uri, what);
    }

    ngx_http_tradesec_jwt_flight_outdated(flight->ring, log);
}


/* Also once: when it has kept them for so long that it may use them no more. */

static void
ngx_http_tradesec_jwt_flight_outdated(ngx_http_tradesec_jwt_ring_t *ring,
    ngx_log_t *log)
{
    int64_t                                  now, fetched;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ring->provider;
    fetched = ring->slot->source.fetched;
    now = (int64_t) ngx_current_msec;

    if (fetched == 0 || ring->outdated == fetched
        || ts_key_source_age(&ring->slot->source, &provider->limits, now)
           != TS_KEYS_NONE)
    {
        return;
    }

    ring->outdated = fetched;

    ngx_log_error(NGX_LOG_CRIT, log, 0,
                  "tradesec: provider \"%V\" refuses all tokens: its keys from "
                  "\"%V\" are %T seconds old",
                  &provider->name, &provider->uri,
                  (time_t) ((now - fetched) / 1000));
}


/*
 * The source is slow. Whoever waits goes on, and the subrequest is given up,
 * so that it does not hold the client's connection.
 */

static void
ngx_http_tradesec_jwt_flight_timeout(ngx_event_t *ev)
{
    ngx_http_tradesec_jwt_flight_t *flight = ev->data;

    ngx_connection_t     *c;
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    sr = flight->sr;
    c = sr->connection;
    u = sr->upstream;

    ngx_http_tradesec_jwt_flight_failed(flight, c->log, "no answer in time",
                                        0);
    ngx_http_tradesec_jwt_flight_end(flight, TS_KEY_SOURCE_BAD);

    /* as nginx does when the client leaves; flight and sr may be gone then */

    if (u != NULL && u->cleanup != NULL && *u->cleanup != NULL) {
        (*u->cleanup)(sr);
        ngx_http_run_posted_requests(c);
    }
}


/* The main request has ended before its subrequest: its client has left. */

static void
ngx_http_tradesec_jwt_flight_cut(void *data)
{
    ngx_http_tradesec_jwt_flight_t *flight = data;

    if (!flight->done) {
        ngx_http_tradesec_jwt_flight_end(flight, TS_KEY_SOURCE_CUT);
    }
}


static void
ngx_http_tradesec_jwt_flight_end(ngx_http_tradesec_jwt_flight_t *flight,
    ts_key_source_end_e end)
{
    ngx_http_tradesec_jwt_ring_t  *ring;

    ring = flight->ring;
    flight->done = 1;

    if (flight->timer.timer_set) {
        ngx_del_timer(&flight->timer);
    }

    ngx_http_tradesec_area_lock(&ring->store->area);

    (void) ts_key_source_end(&ring->slot->source, flight->number, end,
                             (int64_t) ngx_current_msec);

    ngx_http_tradesec_area_unlock(&ring->store->area);

    ngx_http_tradesec_jwt_flight_landed();
}
