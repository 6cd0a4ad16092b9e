/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Finds the one value of one field in a multipart/form-data body (RFC 7578),
 * read strictly, because there are as many readers of multipart as backends:
 *
 *   - the boundary stands only where it delimits, with CRLF around it; there
 *     is no preamble and no epilogue;
 *   - part headers are lines of token ":" value, not folded, and the body is
 *     complete;
 *   - every part says once that it is form-data, and its name once; a name is
 *     quoted without backslashes, or a token without quotes;
 *   - no part is encoded (base64, quoted-printable) or a multipart itself, or
 *     a file under the account's name.
 */

#ifndef TS_MULTIPART_H
#define TS_MULTIPART_H

#include "core/ts_form.h"


#define TS_MULTIPART_PARTS    100
#define TS_MULTIPART_HEADERS  16        /* lines of one part */


/*
 * *value is a part of body. The boundary is the one that ts_media_type() has
 * checked.
 */

ts_form_result_e ts_multipart_field(ts_slice_t body, ts_slice_t boundary,
    const ts_field_t *field, ts_slice_t *value);


#endif /* TS_MULTIPART_H */
