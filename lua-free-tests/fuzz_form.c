/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Our strict reader against tolerant ones: in a form that we do not refuse,
 * they all find the value that we found.
 */

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "core/ts_form.h"


#define SIZE  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* What is no escape is left as it is. */

static size_t
unescape(const uint8_t *p, const uint8_t *end, uint8_t *out)
{
    char     hex[3] = "";
    size_t   n;

    for (n = 0; p < end; p++) {

        if (*p == '%' && end - p > 2 && isxdigit(p[1]) && isxdigit(p[2])) {
            memcpy(hex, p + 1, 2);
            out[n++] = (uint8_t) strtoul(hex, NULL, 16);
            p += 2;
            continue;
        }

        out[n++] = *p == '+' ? ' ' : *p;
    }

    return n;
}


/* First or last of the fields, any case, "&" or both separators. */

static void
tolerant(ts_slice_t text, const char *separators, int want_last,
    ts_slice_t expected)
{
    size_t          n;
    uint8_t         name[SIZE], value[SIZE];
    ts_slice_t      found;
    const uint8_t  *p, *end, *eq, *stop;

    p = text.data;
    stop = p + text.len;
    found = ts_slice(NULL, 0);

    for ( /* void */ ; p < stop; p = end + 1) {

        for (end = p; end < stop && (*end == '\0'
                                     || strchr(separators, *end) == NULL);
             end++)
        {
            /* void */
        }

        for (eq = p; eq < end && *eq != '='; eq++) { /* void */ }

        n = unescape(p, eq, name);

        if (n == 4 && strncasecmp((char *) name, "user", 4) == 0
            && (found.data == NULL || want_last))
        {
            found = ts_slice(value, eq < end ? unescape(eq + 1, end, value)
                                             : 0);
        }
    }

    assert(found.data != NULL);
    assert(ts_slice_eq(found, expected));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t     buf[TS_FOLD_IN];
    ts_field_t  field;
    ts_slice_t  text, value;

    if (size > SIZE) {
        return 0;
    }

    text = ts_slice(data, size);
    assert(ts_field_init(&field, TS_SLICE("user")));

    if (ts_form_field(text, &field, buf, sizeof(buf), &value) == TS_FORM_OK) {
        tolerant(text, "&", 0, value);
        tolerant(text, "&", 1, value);
        tolerant(text, "&;", 0, value);
        tolerant(text, "&;", 1, value);
    }

    return 0;
}
