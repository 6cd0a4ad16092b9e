/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The findings about response headers that other modules add.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_header.h"
#include "guard/posture/ngx_http_tradesec_posture.h"
#include "response/ngx_http_tradesec_header_policy.h"


static ngx_flag_t ngx_http_tradesec_posture_adds(
    const ngx_http_tradesec_place_t *place, const ngx_str_t *name);
static void ngx_http_tradesec_posture_hsts(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);


static const ngx_str_t  ngx_http_tradesec_hsts =
    ngx_string("Strict-Transport-Security");


void
ngx_http_tradesec_posture_headers(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    const ngx_http_tradesec_foreign_t  *header;

    static const ngx_str_t  cors = ngx_string("Access-Control-Allow-Origin");

    header = ngx_http_tradesec_posture_header(place,
                                         NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER,
                                         &cors);

    if (header != NULL
        && ngx_http_tradesec_foreign_variable(&header->args[2], "http_origin",
                                              11))
    {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_CORS_ANY_ORIGIN, place,
                                     &header->file, header->line, NULL);
    }

    ngx_http_tradesec_posture_hsts(cf, place);
}


ngx_flag_t
ngx_http_tradesec_posture_says(const ngx_http_tradesec_foreign_t *foreign,
    ngx_uint_t arg, const char *word)
{
    return foreign != NULL && arg < foreign->n
           && ngx_strcmp(foreign->args[arg].data, word) == 0;
}


const ngx_http_tradesec_foreign_t *
ngx_http_tradesec_posture_header(const ngx_http_tradesec_place_t *place,
    ngx_http_tradesec_foreign_e kind, const ngx_str_t *name)
{
    ngx_uint_t                          i;
    ts_slice_t                          text;
    const ngx_http_tradesec_foreign_t  *foreign, *last;

    i = 0;
    last = NULL;

    while ((foreign = ngx_http_tradesec_foreign_next(place, kind, NULL, &i))
           != NULL)
    {
        text = ts_slice(foreign->args[1].data, foreign->args[1].len);

        if (ts_header_same_name(text, ts_slice(name->data, name->len))) {
            last = foreign;
        }
    }

    return last;
}


/*
 * The nearest place that adds any line hides those above it, unless, since
 * nginx 1.29.3, it says otherwise.
 */

static ngx_flag_t
ngx_http_tradesec_posture_adds(const ngx_http_tradesec_place_t *place,
    const ngx_str_t *name)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *inherit;

    for ( /* void */ ; place != NULL; place = place->parent) {

        if (ngx_http_tradesec_posture_header(place,
                                 NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER, name)
            != NULL)
        {
            return 1;
        }

        inherit = ngx_http_tradesec_foreign_find(place,
                           NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER_INHERIT, NULL);
        i = 0;

        if (!ngx_http_tradesec_posture_says(inherit, 1, "merge")
            && ngx_http_tradesec_foreign_next(place,
                             NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER, NULL, &i)
               != NULL)
        {
            return 0;
        }
    }

    return 0;
}


static void
ngx_http_tradesec_posture_hsts(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_flag_t                          trusts;
    ngx_http_tradesec_listens_t         listens;
    const ngx_http_tradesec_place_t    *from;
    const ngx_http_tradesec_foreign_t  *added, *set;

    listens = ngx_http_tradesec_posture_listens(cf);
    trusts = ngx_http_tradesec_foreign_find(place,
                              NGX_HTTP_TRADESEC_FOREIGN_TRUSTED_SCHEME, NULL)
             != NULL;

    /* what http says is of every server */

    from = place;

    do {
        added = ngx_http_tradesec_posture_header(from,
                      NGX_HTTP_TRADESEC_FOREIGN_ADD_HEADER,
                      &ngx_http_tradesec_hsts);
        set = ngx_http_tradesec_posture_header(from,
                      NGX_HTTP_TRADESEC_FOREIGN_HEADER,
                      &ngx_http_tradesec_hsts);
        from = from->parent;

    } while (added == NULL && set == NULL
             && from != NULL && from->parent == NULL);

    if (ngx_http_tradesec_posture_says(set, 2, "off")) {
        set = NULL;
    }

    /* a line of add_header goes out over whatever there is */

    if (!listens.tls && !trusts
        && (set != NULL || (added != NULL && listens.plain)))
    {
        set = set ? set : added;
        ngx_http_tradesec_finding_at(cf, TS_FINDING_HSTS_WITHOUT_TLS, place,
                                     &set->file, set->line, NULL);
    }

    if (!place->on || !listens.tls
        || ngx_http_tradesec_conf_sets_header(cf, &ngx_http_tradesec_hsts))
    {
        return;
    }

    if (ngx_http_tradesec_posture_adds(place, &ngx_http_tradesec_hsts)) {
        return;
    }

    /* once for a server: its locations have it from there */

    if (place->parent != NULL
        && place->parent->found & (uint64_t) 1 << TS_FINDING_TLS_WITHOUT_HSTS) {
        place->found |= (uint64_t) 1 << TS_FINDING_TLS_WITHOUT_HSTS;
        return;
    }

    ngx_http_tradesec_finding(cf, TS_FINDING_TLS_WITHOUT_HSTS);
}
