/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Paths that every reader splits into the same segments. nginx normalises a
 * path before it looks for the location and its captures, while the backend is
 * sent the path as it came: where the two may differ, a capture is no proof of
 * what the backend will read.
 */

#ifndef TS_PATH_H
#define TS_PATH_H

#include "core/ts_types.h"


/*
 * Whether the path of a request target, read up to "?" or "#", is plain: it
 * begins with "/", has no empty segment but the last, no "." or ".." segment
 * in any spelling, no "\" and no ";", no encoded "/", "\", ";" or NUL, and
 * only whole percent escapes.
 */

int ts_path_is_plain(ts_slice_t target);


#endif /* TS_PATH_H */
