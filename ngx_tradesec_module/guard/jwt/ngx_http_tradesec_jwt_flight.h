/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Between who waits for keys and who fetches them; for
 * ngx_http_tradesec_jwt_fetch.c and ngx_http_tradesec_jwt_wait.c only.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_FLIGHT_H
#define NGX_HTTP_TRADESEC_JWT_FLIGHT_H

#include "guard/jwt/ngx_http_tradesec_jwt_fetch.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"


typedef struct {
    ngx_http_tradesec_jwt_ring_t  *ring;
    uint32_t                       number;
    ngx_http_request_t            *sr;
    ngx_event_t                    timer;
    ngx_buf_t                     *answer;
    ngx_flag_t                     overflow;    /* it is too long */
    ngx_flag_t                     done;
} ngx_http_tradesec_jwt_flight_t;


/* Begins a fetch on behalf of the request, if nobody else fetches. */

ts_key_source_e ngx_http_tradesec_jwt_flight_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider);

int ngx_http_tradesec_jwt_flight_alive(uint32_t owner);

/* A fetch of this worker has ended: wakes who waits for it. */

void ngx_http_tradesec_jwt_flight_landed(void);


#endif /* NGX_HTTP_TRADESEC_JWT_FLIGHT_H */
