/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For operators: what is locked in Redis, and the end of it.
 */

#include "core/ts_attempts_script_parts.h"


#define TS_ATTEMPTS_SCRIPT_STEP  1000   /* keys that one call looks at */


const char  ts_attempts_script_operate[] =
    TS_ATTEMPTS_SCRIPT_BEGIN
    TS_ATTEMPTS_SCRIPT_COMMON

    "local task, pattern = id, ARGV[4]\n"

    /* what is in flight stays charged: its outcome is still open */

    "local function clear(c, window)\n"
    "  local locked = c.till > now and 1 or 0\n"
    "  rebuild(c, function(p, time, state)\n"
    "    return state == FLYING and state\n"
    "  end)\n"
    "  c.till, c.lasts, c.level = 0, 0, 0\n"
    "  save(c, { window = window })\n"
    "  return locked\n"
    "end\n"

    "local function left(c)\n"
    "  if c.till == FOREVER then return FOREVER end\n"
    "  return math.max(c.till - now, 0)\n"
    "end\n"

    "local function look(c, window)\n"
    "  local n = { [FLYING] = 0, [FAILED] = 0, [NEUTRAL] = 0 }\n"
    "  for p = 1, #c.slots, SLOT do\n"
    "    local time, other, state = slot(c, p)\n"
    "    if now - time < window and n[state] then\n"
    "      n[state] = n[state] + 1\n"
    "    end\n"
    "  end\n"
    "  return { left(c), c.level, n[FAILED], n[NEUTRAL], n[FLYING] }\n"
    "end\n"

    "if task == 'look' or task == 'clear' then\n"
    "  local out, locked, window = {}, 0, tonumber(ARGV[3])\n"
    "  for k = 1, #KEYS do\n"
    "    local c = load(KEYS[k])\n"
    "    if task == 'clear' then\n"
    "      locked = locked + clear(c, window)\n"
    "    else\n"
    "      for i, number in ipairs(look(c, window)) do\n"
    "        out[#out + 1] = number\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  return task == 'clear' and locked or out\n"
    "end\n"

    "local at = redis.pcall('SCAN', ARGV[3], 'MATCH', pattern,\n"
    "                       'COUNT', ARGV[5])\n"
    "if at.err then return at.err end\n"

    "local out, locked = { at[1] }, 0\n"
    "for i, key in ipairs(at[2]) do\n"
    "  local c = load(key)\n"
    "  if c.till > now then\n"
    "    if task == 'sweep' then\n"
    "      locked = locked + clear(c, 86400)\n"
    "    else\n"
    "      out[#out + 1] = string.sub(key, -32)\n"
    "      out[#out + 1] = left(c)\n"
    "      out[#out + 1] = c.level\n"
    "    end\n"
    "  end\n"
    "end\n"
    "if task == 'sweep' then out[2] = locked end\n"
    "return out\n";


static void ts_attempts_script_pattern(ts_attempts_script_t *s,
    const ts_attempts_part_t *part);


void
ts_attempts_script_to_operate(ts_attempts_script_t *s, ts_slice_t command,
    ts_slice_t script, const ts_attempts_script_question_t *question,
    uint32_t now)
{
    int                part;
    uint32_t           k;
    ts_attempts_key_t  none;

    static const char *const  tasks[] = { "list", "sweep", "look", "clear" };

    part = question->task < TS_ATTEMPTS_SCRIPT_LOOK;

    ts_attempts_script_begin(s, part ? 9 : 6 + question->n);
    ts_attempts_script_arg(s, command.data, command.len);
    ts_attempts_script_arg(s, script.data, script.len);

    if (part) {

        /* no key of ours, but a cluster asks where */

        none = (ts_attempts_key_t) { { 0, 0 } };

        ts_attempts_script_number(s, 1);
        ts_attempts_script_key(s, &none);

    } else {
        ts_attempts_script_number(s, question->n);

        for (k = 0; k < question->n; k++) {
            ts_attempts_script_key(s, &question->keys[k]);
        }
    }

    ts_attempts_script_number(s, now);
    ts_attempts_script_arg(s, tasks[question->task],
                           strlen(tasks[question->task]));

    if (part) {
        ts_attempts_script_number(s, question->cursor);
        ts_attempts_script_pattern(s, &question->part);
        ts_attempts_script_number(s, TS_ATTEMPTS_SCRIPT_STEP);

    } else {
        ts_attempts_script_number(s, question->window);
    }
}


/* Of the second word the digits that the part has; for the others, any. */

static void
ts_attempts_script_pattern(ts_attempts_script_t *s,
    const ts_attempts_part_t *part)
{
    int       i;
    uint8_t   pattern[TS_ATTEMPTS_SCRIPT_KEY], *p;

    memcpy(pattern, TS_ATTEMPTS_SCRIPT_PREFIX,
           sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1);
    p = pattern + sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1;

    memset(p, '?', 16);
    p += 16;

    ts_attempts_script_hex(p, part->value);

    for (i = 0; i < 16; i++) {
        if ((part->mask >> (60 - 4 * i) & 15) == 0) {
            p[i] = '?';
        }
    }

    ts_attempts_script_arg(s, pattern, TS_ATTEMPTS_SCRIPT_KEY);
}


int
ts_attempts_script_cursor(ts_slice_t text, uint64_t *cursor)
{
    size_t    i;
    uint64_t  n, digit;

    n = 0;

    for (i = 0; i < text.len; i++) {
        digit = (uint64_t) text.data[i] - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10) {
            return 0;
        }

        n = n * 10 + digit;
    }

    *cursor = n;

    return text.len != 0;
}


int
ts_attempts_script_name(ts_slice_t text, ts_attempts_key_t *key)
{
    size_t   i;
    uint8_t  c;

    if (text.len != 32) {
        return 0;
    }

    *key = (ts_attempts_key_t) { { 0, 0 } };

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            c = (uint8_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            c = (uint8_t) (c - 'a' + 10);

        } else {
            return 0;
        }

        key->word[i / 16] = key->word[i / 16] << 4 | c;
    }

    return 1;
}
