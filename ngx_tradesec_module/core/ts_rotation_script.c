/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_rotation_script.h"


static uint8_t *ts_rotation_script_decimal(uint8_t *p, uint32_t number);
static int ts_rotation_script_hex(ts_slice_t text, uint64_t *number);


/* The key of a family outlives every token of it. */

const char  ts_rotation_script[] =
    "local LIVE, FLYING, USED, OVER, FRESH = 0, 1, 2, 3, 4\n"
    "local FIRST, RACE, REUSED, ENDED = 0, 1, 2, 3\n"
    "local ZERO, NONE, YEAR = string.rep('0', 16), '00000000', 31708800\n"
    "local FAMILY = 'tradesec:{refresh}:family:'\n"
    "local task, now = ARGV[1], tonumber(ARGV[2])\n"
    "if now == 0 then now = tonumber(redis.call('TIME')[1]) end\n"

    "local function name(f, v)\n"
    "  redis.call('SET', FAMILY .. f, v, 'EX', YEAR)\n"
    "end\n"

    /*
     * What was never seen is remembered for no longer than its answer takes,
     * until the backend vouches for it: anybody can make up tokens.
     */

    /* what a family is called today, and whether it has ended */

    "local function root(f)\n"
    "  for hop = 1, 16 do\n"
    "    local v = redis.pcall('GET', FAMILY .. f)\n"
    "    if v == 'over' then return f, true end\n"
    "    if type(v) ~= 'string' or #v ~= 16 then return f, false end\n"
    "    redis.call('EXPIRE', FAMILY .. f, YEAR)\n"
    "    f = v\n"
    "  end\n"
    "  return f, true\n"
    "end\n"

    "local function load(key)\n"
    "  local v = redis.pcall('GET', key)\n"
    "  if type(v) ~= 'string' or #v < 42 then return nil end\n"
    "  local e = { family = string.sub(v, 1, 16),\n"
    "              access = string.sub(v, 17, 32),\n"
    "              next = string.sub(v, 33, 40),\n"
    "              state = tonumber(string.sub(v, 41, 41)),\n"
    "              since = tonumber(string.sub(v, 42)) }\n"
    "  if not e.state or not e.since then return nil end\n"
    "  e.since = math.min(e.since, now)\n"
    "  if e.state == FRESH then e.state, e.fresh = FLYING, true end\n"
    "  return e\n"
    "end\n"

    "local function save(key, e, lifetime)\n"
    "  local state = e.fresh and e.state == FLYING and FRESH or e.state\n"
    "  redis.call('SET', key, e.family .. e.access .. e.next .. state\n"
    "    .. e.since, 'EX', lifetime)\n"
    "end\n"

    "local function reply(verdict, e)\n"
    "  return verdict .. e.family .. e.access\n"
    "end\n"

    "local function use(key, family, lifetime, grace, flight)\n"
    "  local over\n"
    "  local e = load(key) or { family = family, access = ZERO, next = NONE,\n"
    "                           state = LIVE, since = now, fresh = true }\n"
    "  e.family, over = root(e.family)\n"
    "  if over or e.state == OVER then return reply(ENDED, e) end\n"
    "  local age = now - e.since\n"
    "  if e.state == USED then\n"
    "    if age < grace then return reply(RACE, e) end\n"
    "    name(e.family, 'over')\n"
    "    save(key, e, lifetime)\n"
    "    return reply(REUSED, e)\n"
    "  end\n"
    "  if e.state == FLYING and age < flight then return reply(RACE, e) end\n"
    "  e.state, e.since = FLYING, now\n"
    "  save(key, e, e.fresh and flight or lifetime)\n"
    "  return reply(FIRST, e)\n"
    "end\n"

    "local function free(key, lifetime)\n"
    "  local e = load(key)\n"
    "  if not e then return FIRST .. ZERO .. ZERO end\n"
    "  if e.fresh then\n"
    "    redis.call('DEL', key)\n"
    "  elseif e.state == FLYING then\n"
    "    e.state = LIVE\n"
    "    save(key, e, lifetime)\n"
    "  end\n"
    "  return reply(FIRST, e)\n"
    "end\n"

    /* two that used it apart from each other are the owner and a thief */

    "local function twice(e, new, grace)\n"
    "  return e.state == USED and new.state == USED and e.next ~= NONE\n"
    "    and new.next ~= NONE and e.next ~= new.next\n"
    "    and math.abs(e.since - new.since) >= grace\n"
    "end\n"

    "local function tell(key, text, grace)\n"
    "  local age, lifetime = string.match(text, '^(%d+):(%d+)$', 42)\n"
    "  local new = { family = string.sub(text, 1, 16),\n"
    "                access = string.sub(text, 17, 32),\n"
    "                next = string.sub(text, 33, 40),\n"
    "                state = tonumber(string.sub(text, 41, 41)),\n"
    "                since = now - tonumber(age) }\n"
    "  local e, over, ended = load(key) or new, false, false\n"
    "  e.fresh = nil\n"
    "  new.family, over = root(new.family)\n"
    "  if e ~= new then\n"
    "    e.family, ended = root(e.family)\n"
    "    over = over or ended or twice(e, new, grace)\n"
    "    if e.family ~= new.family then name(new.family, e.family) end\n"
    "    if new.state > e.state then\n"
    "      e.state, e.since = new.state, new.since\n"
    "    end\n"
    "    if new.access ~= ZERO then e.access = new.access end\n"
    "    if e.next == NONE then e.next = new.next end\n"
    "  end\n"
    "  over = over or e.state == OVER\n"
    "  if over then name(e.family, 'over') end\n"
    "  save(key, e, lifetime)\n"
    "  return reply(over and ENDED or FIRST, e)\n"
    "end\n"

    "if task == 'use' then\n"
    "  return use(KEYS[1], ARGV[3], ARGV[4], tonumber(ARGV[5]),\n"
    "    tonumber(ARGV[6]))\n"
    "elseif task == 'free' then\n"
    "  return free(KEYS[1], ARGV[3])\n"
    "end\n"
    "local replies = {}\n"
    "for k = 1, #KEYS do\n"
    "  replies[k] = tell(KEYS[k], ARGV[k + 3], tonumber(ARGV[3]))\n"
    "end\n"
    "return table.concat(replies)\n";


int
ts_rotation_script_read(ts_slice_t text, ts_rotation_e *verdict,
    uint64_t *family, uint64_t *access)
{
    if (text.len != TS_ROTATION_SCRIPT_REPLY || text.data[0] < '0'
        || text.data[0] > '0' + TS_ROTATION_ENDED)
    {
        return 0;
    }

    *verdict = (ts_rotation_e) (text.data[0] - '0');

    return ts_rotation_script_hex(ts_slice(text.data + 1, 16), family)
           && ts_rotation_script_hex(ts_slice(text.data + 17, 16), access);
}


static int
ts_rotation_script_hex(ts_slice_t text, uint64_t *number)
{
    size_t   i;
    uint8_t  c;

    *number = 0;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= '0' && c <= '9') {
            *number = *number << 4 | (uint64_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            *number = *number << 4 | (uint64_t) (c - 'a' + 10);

        } else {
            return 0;
        }
    }

    return 1;
}


void
ts_rotation_script_number(uint8_t text[16], uint64_t number)
{
    size_t  i;

    for (i = 16; i-- > 0; number >>= 4) {
        text[i] = (uint8_t) "0123456789abcdef"[number & 15];
    }
}


void
ts_rotation_script_key(uint8_t key[TS_ROTATION_SCRIPT_KEY],
    ts_rotation_tag_t tag)
{
    size_t  len;

    len = sizeof(TS_ROTATION_SCRIPT_PREFIX) - 1;

    memcpy(key, TS_ROTATION_SCRIPT_PREFIX, len);
    ts_rotation_script_number(key + len, tag.word[0]);
    ts_rotation_script_number(key + len + 16, tag.word[1]);
}


/* Nobody waits any more for an answer to what is told. */

size_t
ts_rotation_script_entry(uint8_t text[TS_ROTATION_SCRIPT_ENTRY],
    const ts_rotation_entry_t *e, uint32_t now)
{
    uint8_t  *p, next[16];

    ts_rotation_script_number(text, e->family);
    ts_rotation_script_number(text + 16, e->access);
    ts_rotation_script_number(next, e->next);
    memcpy(text + 32, next + 8, 8);

    p = text + 40;
    *p++ = (uint8_t) ('0' + e->state);
    p = ts_rotation_script_decimal(p, now - e->since);
    *p++ = ':';
    p = ts_rotation_script_decimal(p, e->expires - now);

    return (size_t) (p - text);
}


static uint8_t *
ts_rotation_script_decimal(uint8_t *p, uint32_t number)
{
    size_t   n;
    uint8_t  digits[10];

    n = 0;

    do {
        digits[n++] = (uint8_t) ('0' + number % 10);
        number /= 10;
    } while (number);

    while (n) {
        *p++ = digits[--n];
    }

    return p;
}
