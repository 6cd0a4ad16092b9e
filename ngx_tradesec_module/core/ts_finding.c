/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_finding.h"


#define TS_SEVERITY_HIGH    "high"
#define TS_SEVERITY_MEDIUM  "medium"
#define TS_SEVERITY_LOW     "low"


const ts_finding_t  ts_findings[TS_FINDING_N] = {
#define X(id, name, severity, problem, advice)                               \
    { name, TS_SEVERITY_##severity, problem, advice },
    TS_FINDING_MAP(X)
#undef X
};


const ts_slice_t  ts_finding_names[TS_FINDING_N] = {
#define X(id, name, severity, problem, advice)                               \
    { (const uint8_t *) name, sizeof(name) - 1 },
    TS_FINDING_MAP(X)
#undef X
};


ts_finding_e
ts_finding_find(ts_slice_t name)
{
    unsigned  i;

    for (i = 0; i < TS_FINDING_N; i++) {
        if (ts_slice_eq(name, ts_finding_names[i])) {
            break;
        }
    }

    return (ts_finding_e) i;
}
