/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A plain path has the same segments for a reader that decodes first and one
 * that splits first, and nothing to normalise; whatever follows "?" does not
 * matter.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_path.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static size_t
decode(const uint8_t *data, size_t size, char *out)
{
    char    hex[3];
    size_t  i, n;

    hex[2] = '\0';

    for (i = 0, n = 0; i < size; n++) {
        out[n] = (char) data[i++];

        if (out[n] == '%') {
            assert(size - i >= 2);
            hex[0] = (char) data[i++];
            hex[1] = (char) data[i++];
            out[n] = (char) strtol(hex, NULL, 16);
        }
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int      slashes;
    char    *decoded, *longer;
    size_t   i, n, end;

    longer = malloc(size + 4);
    assert(longer != NULL);
    memcpy(longer, data, size);
    memcpy(longer + size, "?//;", 4);
    assert(ts_path_is_plain(ts_slice(longer, size + 4))
           == ts_path_is_plain(ts_slice(data, size)));
    free(longer);

    if (!ts_path_is_plain(ts_slice(data, size))) {
        return 0;
    }

    for (end = 0; end < size && data[end] != '?' && data[end] != '#'; end++) {
        /* void */
    }

    decoded = malloc(end + 2);
    assert(decoded != NULL);
    n = decode(data, end, decoded);
    decoded[n] = '\0';

    assert(decoded[0] == '/' && strlen(decoded) == n);
    assert(strstr(decoded, "//") == NULL && strchr(decoded, '\\') == NULL
           && strchr(decoded, ';') == NULL);

    decoded[n] = '/';
    decoded[n + 1] = '\0';
    assert(strstr(decoded, "/./") == NULL && strstr(decoded, "/../") == NULL);
    decoded[n] = '\0';

    for (slashes = 0, i = 0; i < end; i++) {
        slashes += data[i] == '/';
    }

    for (i = 0; i < n; i++) {
        slashes -= decoded[i] == '/';
    }

    assert(slashes == 0);

    free(decoded);

    return 0;
}
