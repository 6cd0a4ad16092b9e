/*
 * Copyright (C) the ngx_tradesec authors
 *
 * base64url without padding (RFC 4648, section 5, as RFC 7515 uses it), in
 * its one canonical spelling: a text that decodes at all is the only text that
 * decodes to these bytes, so that nobody finds a second name for a token.
 */

#ifndef TS_BASE64URL_H
#define TS_BASE64URL_H

#include "core/ts_types.h"


/* Exact for every length that a text can have. */

#define ts_base64url_decoded(len)   ((len) / 4 * 3 + (len) % 4 * 3 / 4)
#define ts_base64url_encoded(len)   (((len) * 4 + 2) / 3)


typedef enum {
    TS_BASE64URL_OK = 0,
    TS_BASE64URL_CHARACTER,     /* outside A-Z a-z 0-9 - _ ; "=" included */
    TS_BASE64URL_LENGTH,        /* one character left over */
    TS_BASE64URL_TAIL,          /* unused bits of the last one are not zero */
    TS_BASE64URL_TOO_LONG       /* does not fit size bytes; nothing written */
} ts_base64url_result_e;


/*
 * Writes the decoded bytes to out and sets *decoded to them. out may hold
 * garbage after a refusal.
 */

ts_base64url_result_e ts_base64url_decode(ts_slice_t text, uint8_t *out,
    size_t size, ts_slice_t *decoded);

/* The same verdict on a text that is not needed yet, at a third of the cost. */

ts_base64url_result_e ts_base64url_check(ts_slice_t text);

/* Writes ts_base64url_encoded(bytes.len) characters, no terminator. */

void ts_base64url_encode(ts_slice_t bytes, uint8_t *out);


#endif /* TS_BASE64URL_H */
