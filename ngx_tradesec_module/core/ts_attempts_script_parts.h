/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What the scripts and the commands that call them are made of; for
 * ts_attempts_script*.c only.
 */

#ifndef TS_ATTEMPTS_SCRIPT_PARTS_H
#define TS_ATTEMPTS_SCRIPT_PARTS_H

#include <endian.h>

#include "core/ts_attempts_script.h"


/*
 * What the scripts share. Of a value, 13 bytes are the head: until when it is
 * locked, how long that lock was to last, how many of the attempts have
 * failed and how many are neutral, and the level of the lock. An attempt is 17
 * bytes: its id, its time, the other side (the account of an address, the
 * address of an account) and its state: in flight, failed or neutral.
 */

#define TS_ATTEMPTS_SCRIPT_BEGIN                                             \
    "local FOREVER, YEARS = 4294967295, 315360000\n"                         \
    "local HEAD, SLOT = 13, 17\n"                                            \
    "local FLYING, FAILED, NEUTRAL = 1, 2, 3\n"                              \
    "local now, id = tonumber(ARGV[1]), ARGV[2]\n"                           \
    "if now == 0 then now = tonumber(redis.call('TIME')[1]) end\n"


#define TS_ATTEMPTS_SCRIPT_COMMON                                            \
    /* a table that has its size from the start is made three times as fast */\
                                                                             \
    "local function rule(packed)\n"                                          \
    "  local other, window, limit, others, neutral, lock_min, lock_max,\n"   \
    "    decay, flags = struct.unpack('<I4I4I4I4I4I4I4I4I4', packed)\n"      \
    "  return { other = other, window = window, limit = limit,\n"            \
    "    others = others, neutral = neutral, lock_min = lock_min,\n"         \
    "    lock_max = lock_max, decay = decay, forgive = flags % 2 == 1,\n"    \
    "    permanent = flags % 4 >= 2, extend = flags >= 4 }\n"                \
    "end\n"                                                                  \
                                                                             \
    "local function slot(c, p)\n"                                            \
    "  return struct.unpack('<I4I4B', c.slots, p + 8)\n"                     \
    "end\n"                                                                  \
                                                                             \
    /* keeps what f returns a state for */                                   \
                                                                             \
    "local function rebuild(c, f)\n"                                         \
    "  local kept = {}\n"                                                    \
    "  c.failed, c.neutral = 0, 0\n"                                         \
    "  for p = 1, #c.slots, SLOT do\n"                                       \
    "    local time, other, state = slot(c, p)\n"                            \
    "    state = f(p, time, state)\n"                                        \
    "    if state then\n"                                                    \
    "      if state == FAILED then c.failed = c.failed + 1 end\n"            \
    "      if state == NEUTRAL then c.neutral = c.neutral + 1 end\n"         \
    "      kept[#kept + 1] = string.sub(c.slots, p, p + 7)\n"                \
    "        .. struct.pack('<I4I4B', math.min(time, now), other, state)\n"  \
    "    end\n"                                                              \
    "  end\n"                                                                \
    "  c.slots = table.concat(kept)\n"                                       \
    "end\n"                                                                  \
                                                                             \
    /* what is no counter is replaced by one with the next attempt */        \
                                                                             \
    "local function load(key)\n"                                             \
    "  local v = redis.pcall('GET', key)\n"                                  \
    "  local c = { key = key, till = 0, lasts = 0, failed = 0,\n"            \
    "              neutral = 0, level = 0, slots = '' }\n"                   \
    "  if type(v) ~= 'string' or #v < HEAD or (#v - HEAD) % SLOT ~= 0\n"     \
    "  then\n"                                                               \
    "    return c\n"                                                         \
    "  end\n"                                                                \
    "  c.till, c.lasts, c.failed, c.neutral, c.level\n"                      \
    "    = struct.unpack('<I4I4I2I2B', v)\n"                                 \
    "  c.slots = string.sub(v, HEAD + 1)\n"                                  \
    "  if c.till ~= FOREVER and c.till > now + c.lasts then\n"               \
    "    c.till = now + c.lasts\n"                                           \
    "  end\n"                                                                \
    "  if #c.slots > 0 and slot(c, #c.slots - SLOT + 1) > now then\n"        \
    "    rebuild(c, function(p, time, state) return state end)\n"            \
    "  end\n"                                                                \
    "  return c\n"                                                           \
    "end\n"                                                                  \
                                                                             \
    "local function save(c, r)\n"                                            \
    "  if c.slots == '' and c.till == 0 then\n"                              \
    "    redis.call('DEL', c.key)\n"                                         \
    "    return\n"                                                           \
    "  end\n"                                                                \
    "  local ttl = r.window\n"                                               \
    "  if c.till == FOREVER then\n"                                          \
    "    ttl = YEARS\n"                                                      \
    "  elseif c.till > 0 then\n"                                             \
    "    ttl = math.max(ttl, c.till - now + c.level * r.decay)\n"            \
    "  end\n"                                                                \
    "  redis.call('SET', c.key, struct.pack('<I4I4I2I2B', c.till,\n"         \
    "    c.lasts, c.failed, c.neutral, c.level) .. c.slots,\n"               \
    "    'EX', math.min(ttl, YEARS))\n"                                      \
    "end\n"                                                                  \
                                                                             \
    "local function prune(c, r)\n"                                           \
    "  if #c.slots > 0 and now - slot(c, 1) >= r.window then\n"              \
    "    rebuild(c, function(p, time, state)\n"                              \
    "      return now - time < r.window and state\n"                         \
    "    end)\n"                                                             \
    "  end\n"                                                                \
    "end\n"


/*
 * A command of n arguments, which are added one by one. In line, since most of
 * their lengths are known to the compiler.
 */

/* around an argument: a sign, its length, two line ends */

#define TS_ATTEMPTS_SCRIPT_FRAME  (1 + 4 + 2 + 2)


static inline uint8_t *
ts_attempts_script_head(uint8_t *p, uint8_t sign, size_t number)
{
    *p++ = sign;

    if (number > 999) {
        *p++ = (uint8_t) ('0' + number / 1000 % 10);
    }

    if (number > 99) {
        *p++ = (uint8_t) ('0' + number / 100 % 10);
    }

    if (number > 9) {
        *p++ = (uint8_t) ('0' + number / 10 % 10);
    }

    *p++ = (uint8_t) ('0' + number % 10);
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


static inline void
ts_attempts_script_begin(ts_attempts_script_t *s, uint32_t n)
{
    s->len = (size_t) (ts_attempts_script_head(s->text, '*', n) - s->text);
}


static inline void
ts_attempts_script_arg(ts_attempts_script_t *s, const void *data, size_t len)
{
    uint8_t  *p;

    if (s->len == 0
        || len + TS_ATTEMPTS_SCRIPT_FRAME > TS_ATTEMPTS_SCRIPT_TEXT - s->len)
    {
        s->len = 0;
        return;
    }

    p = ts_attempts_script_head(s->text + s->len, '$', len);

    memcpy(p, data, len);
    p += len;

    *p++ = '\r';
    *p++ = '\n';

    s->len = (size_t) (p - s->text);
}


/* Most are of one digit. */

static inline void
ts_attempts_script_number(ts_attempts_script_t *s, uint64_t number)
{
    char  digits[20], *p, *end;

    end = digits + sizeof(digits);
    p = end;

    if (number < 10) {
        *--p = (char) ('0' + number);
        ts_attempts_script_arg(s, p, 1);
        return;
    }

    do {
        *--p = (char) ('0' + number % 10);
        number /= 10;
    } while (number);

    ts_attempts_script_arg(s, p, (size_t) (end - p));
}


/*
 * Eight digits at once: each byte is spread to two of four bits, the higher
 * one first, and those above nine get what lies between '9' and 'a'.
 */

static inline uint64_t
ts_attempts_script_digits(uint32_t half)
{
    uint64_t  v;

    v = __builtin_bswap32(half);
    v = (v | v << 16) & 0x0000ffff0000ffff;
    v = (v | v << 8) & 0x00ff00ff00ff00ff;
    v = (v >> 4 & 0x000f000f000f000f) | (v & 0x000f000f000f000f) << 8;

    return v + 0x3030303030303030
           + ((v + 0x0606060606060606) >> 4 & 0x0101010101010101)
             * ('a' - '9' - 1);
}


static inline void
ts_attempts_script_hex(uint8_t *p, uint64_t word)
{
    uint64_t  digits[2];

    digits[0] = htole64(ts_attempts_script_digits((uint32_t) (word >> 32)));
    digits[1] = htole64(ts_attempts_script_digits((uint32_t) word));

    memcpy(p, digits, sizeof(digits));
}


static inline void
ts_attempts_script_key(ts_attempts_script_t *s, const ts_attempts_key_t *key)
{
    uint8_t  name[TS_ATTEMPTS_SCRIPT_KEY];

    memcpy(name, TS_ATTEMPTS_SCRIPT_PREFIX,
           sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1);

    ts_attempts_script_hex(name + sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1,
                           key->word[0]);
    ts_attempts_script_hex(name + sizeof(TS_ATTEMPTS_SCRIPT_PREFIX) - 1 + 16,
                           key->word[1]);

    ts_attempts_script_arg(s, name, TS_ATTEMPTS_SCRIPT_KEY);
}


#endif /* TS_ATTEMPTS_SCRIPT_PARTS_H */
