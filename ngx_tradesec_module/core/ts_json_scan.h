/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Strings and numbers of JSON: for ts_json.c only.
 */

#ifndef TS_JSON_SCAN_H
#define TS_JSON_SCAN_H

#include "core/ts_json.h"


/*
 * Both move *p behind what they have read, or to where it is wrong. *p is
 * within the text: at the opening quote; at the first byte of what is to be a
 * number.
 */

ts_json_result_e ts_json_scan_string(const uint8_t **p, const uint8_t *end,
    uint8_t *escaped);
ts_json_result_e ts_json_scan_number(const uint8_t **p, const uint8_t *end);


#endif /* TS_JSON_SCAN_H */
