/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The token that a client's WebSocket message carries: a string at a JSON
 * pointer, alone or behind "Bearer ".
 *
 * Most messages carry none, and that is found out by a search for the last name
 * of the pointer. Where that name stands, or a backslash that could hide it,
 * the message is read strictly. What two readers could read differently is
 * doubt, never "no token": the backend might see one.
 */

#ifndef TS_MESSAGE_TOKEN_H
#define TS_MESSAGE_TOKEN_H

#include "core/ts_json.h"


typedef enum {
    TS_MESSAGE_NO_TOKEN = 0,    /* there is nothing, or null */
    TS_MESSAGE_TOKEN,
    TS_MESSAGE_DOUBT
} ts_message_token_e;


/* *token is a view of the text. The tape is the caller's, as for parsing. */

ts_message_token_e ts_message_token(const ts_json_pointer_t *pointer,
    ts_slice_t text, ts_json_token_t *tape, uint32_t size, ts_slice_t *token);


#endif /* TS_MESSAGE_TOKEN_H */
