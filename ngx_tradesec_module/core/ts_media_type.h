/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a Content-Type says of a login body (RFC 9110, section 8.3): one of the
 * kinds that can be read, or none. Strict, because a backend that understands
 * it differently reads another account than was counted.
 */

#ifndef TS_MEDIA_TYPE_H
#define TS_MEDIA_TYPE_H

#include "core/ts_types.h"


#define TS_MEDIA_TYPE_BOUNDARY  70      /* RFC 2046, section 5.1.1 */


typedef enum {
    TS_MEDIA_TYPE_OTHER = 0,    /* anything else, malformed ones included */
    TS_MEDIA_TYPE_FORM,         /* application/x-www-form-urlencoded */
    TS_MEDIA_TYPE_MULTIPART,    /* multipart/form-data */
    TS_MEDIA_TYPE_JSON          /* application/json, application/X+json */
} ts_media_type_e;


/*
 * A charset other than UTF-8, a parameter twice or in the encoding of RFC 8187
 * ("charset*"), another than these two beside multipart, or a boundary that is
 * missing or odd makes it OTHER. *boundary is a part of value.
 */

ts_media_type_e ts_media_type(ts_slice_t value, ts_slice_t *boundary);


#endif /* TS_MEDIA_TYPE_H */
