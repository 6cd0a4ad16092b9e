/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_reason.h"


const ts_reason_t  ts_reasons[TS_REASON_N] = {
#define X(id, word, status, sentence)                                        \
    { word, sizeof(word) - 1, status, sentence },
    TS_REASON_MAP(X)
#undef X
};
