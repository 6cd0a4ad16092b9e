/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How the walk of ts_owner_walk.c reads scalars: inline, as it does little
 * else. What reads on from p returns where it stopped, within the text or at
 * its end, and NULL for what is no JSON.
 */

#ifndef TS_OWNER_SCAN_H
#define TS_OWNER_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/ts_json_scan.h"


typedef struct {
    ts_json_type_e  type;
    uint8_t         escaped;
    ts_slice_t      raw;
} ts_owner_scalar_t;


static inline const uint8_t *
ts_owner_space(const uint8_t *p, const uint8_t *end)
{
    /* compact JSON has none: one look at what is not above a space */

    while (p < end && *p <= ' '
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


/*
 * The first byte that is a quote, a backslash or a control character, or the
 * end. Most strings are shorter than a vector.
 */

static inline const uint8_t *
ts_owner_plain(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
    int      marks;
    __m128i  bytes;

    while (end - p >= (ptrdiff_t) sizeof(bytes)) {
        bytes = _mm_loadu_si128((const __m128i *) p);

        marks = _mm_movemask_epi8(
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes,
                                                     _mm_set1_epi8('"')),
                                      _mm_cmpeq_epi8(bytes,
                                                     _mm_set1_epi8('\\'))),
                         _mm_cmpeq_epi8(_mm_min_epu8(bytes,
                                                     _mm_set1_epi8(0x1f)),
                                        bytes)));

        if (marks) {
            return p + __builtin_ctz((unsigned) marks);
        }

        p += sizeof(bytes);
    }
#endif

    while (p < end && *p >= ' ' && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


/* At the opening quote. Bytes above 0x7f are known to be UTF-8. */

static inline const uint8_t *
ts_owner_string(const uint8_t *p, const uint8_t *end, ts_owner_scalar_t *s)
{
    const uint8_t  *behind;

    behind = ts_owner_plain(p + 1, end);

    s->type = TS_JSON_STRING;
    s->escaped = 0;
    s->raw.data = p + 1;

    if (behind < end && *behind == '"') {
        s->raw.len = (size_t) (behind - s->raw.data);
        return behind + 1;
    }

    if (ts_json_scan_string(&p, end, &s->escaped) != TS_JSON_OK) {
        return NULL;
    }

    s->raw.len = (size_t) (p - s->raw.data) - 1;

    return p;
}


static inline const uint8_t *
ts_owner_number(const uint8_t *p, const uint8_t *end, ts_owner_scalar_t *s)
{
    s->type = TS_JSON_NUMBER;
    s->escaped = 0;
    s->raw.data = p;

    /* most are an integer */

    if (p < end && *p >= '1' && *p <= '9') {

        do {
            p++;
        } while (p < end && *p >= '0' && *p <= '9');

        if (p < end && (*p == ',' || *p == '}' || *p == ']')) {
            s->raw.len = (size_t) (p - s->raw.data);
            return p;
        }

        p = s->raw.data;
    }

    if (ts_json_scan_number(&p, end) != TS_JSON_OK) {
        return NULL;
    }

    s->raw.len = (size_t) (p - s->raw.data);

    return p;
}


static inline const uint8_t *
ts_owner_literal(const uint8_t *p, const uint8_t *end, ts_owner_scalar_t *s)
{
    s->escaped = 0;
    s->type = (*p == 't') ? TS_JSON_TRUE
              : (*p == 'f') ? TS_JSON_FALSE : TS_JSON_NULL;

    s->raw = (*p == 't') ? TS_SLICE("true")
             : (*p == 'f') ? TS_SLICE("false") : TS_SLICE("null");

    if ((size_t) (end - p) < s->raw.len
        || memcmp(p, s->raw.data, s->raw.len) != 0)
    {
        return NULL;
    }

    return p + s->raw.len;
}


#endif /* TS_OWNER_SCAN_H */
