/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_revocations_wire.h"
#include "core/ts_siphash.h"
#include "core/ts_state.h"


#define TS_REVOCATIONS_MAC  16          /* hexadecimal digits */


/*
 * A key of another type is nobody's: gateways put back what it held. What has
 * expired goes an hour later, by the slower of two clocks, so that one that is
 * wrong un-revokes nobody. Numbers are bounded, because anybody may have
 * written them. A stream that takes no more begins anew.
 */

const char  ts_revocations_script[] =
    "if redis.replicate_commands then redis.replicate_commands() end\n"
    "local stream, set = KEYS[1], KEYS[2]\n"
    "for key, kind in pairs({ [stream] = 'stream', [set] = 'zset' }) do\n"
    "  local is = redis.call('TYPE', key)['ok']\n"
    "  if is ~= kind and is ~= 'none' then redis.call('DEL', key) end\n"
    "end\n"
    "local clock = tonumber(redis.call('TIME')[1])\n"
    "local now = math.min(tonumber(ARGV[1]), clock) - 3600\n"
    "local over = redis.call('ZRANGEBYSCORE', set, '-inf', '(' .. now,\n"
    "  'LIMIT', 0, 128)\n"
    "if #over > 0 then redis.call('ZREM', set, unpack(over)) end\n"
    "if ARGV[2] ~= '' then redis.call('ZREM', set, ARGV[2]) end\n"
    "local id, new = '', 0\n"
    "local function tell(line)\n"
    "  local add = { 'XADD', stream, 'MAXLEN', '~', 10000, '*', 'r', line }\n"
    "  id = redis.pcall(unpack(add))\n"
    "  if type(id) == 'table' then\n"
    "    redis.call('DEL', stream)\n"
    "    id = redis.call(unpack(add))\n"
    "  end\n"
    "end\n"
    "if ARGV[3] ~= '' then tell(ARGV[3]) end\n"
    "for i = 4, #ARGV, 2 do\n"
    "  if redis.call('ZADD', set, ARGV[i], ARGV[i + 1]) == 1 then\n"
    "    tell(ARGV[i + 1])\n"
    "    new = new + 1\n"
    "  end\n"
    "end\n"
    "local last = redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2]\n"
    "if last then\n"
    "  last = math.min(tonumber(last) or 4294967295, 4294967295)\n"
    "  redis.call('EXPIRE', set, math.max(math.floor(last - now), 3600))\n"
    "end\n"
    "redis.call('EXPIRE', stream, 86400)\n"
    "return { id, new }\n";


ts_revocations_keys_t
ts_revocations_keys(const uint8_t shared[TS_REVOCATIONS_WIRE_KEY])
{
    uint64_t               hash[2];
    ts_revocations_keys_t  keys;

    ts_siphash(shared, 1, TS_SLICE("revocations"), hash);
    memcpy(keys.name, hash, sizeof(keys.name));

    ts_siphash(shared, 2, TS_SLICE("revocations"), hash);
    memcpy(keys.mac, hash, sizeof(keys.mac));

    return keys;
}


uint64_t
ts_revocations_hash(ts_slice_t text, const ts_revocations_keys_t *keys)
{
    uint64_t  hash[2];

    ts_siphash(keys->mac, 0, text, hash);

    return hash[0];
}


static void
ts_revocations_mac(char *p, ts_slice_t text, const ts_revocations_keys_t *keys)
{
    int       i;
    uint64_t  hash;

    hash = ts_revocations_hash(text, keys);

    for (i = 60; i >= 0; i -= 4) {
        *p++ = "0123456789abcdef"[hash >> i & 15];
    }
}


size_t
ts_revocations_write_line(char line[TS_REVOCATIONS_WIRE_LINE],
    const ts_revocation_t *r, const ts_revocations_keys_t *keys)
{
    char    text[TS_STATE_LINE_MAX];
    size_t  n;

    /* its line feed is a space here */

    n = ts_state_write_revocation(text, r);
    memcpy(line, text, n - 1);
    line[n - 1] = ' ';

    ts_revocations_mac(line + n, ts_slice(text, n - 1), keys);

    return n + TS_REVOCATIONS_MAC;
}


int
ts_revocations_read_line(ts_slice_t line, ts_revocation_t *r,
    const ts_revocations_keys_t *keys)
{
    int         i;
    char        mac[TS_REVOCATIONS_MAC];
    uint8_t     differ;
    ts_slice_t  text;

    if (line.len <= TS_REVOCATIONS_MAC + 1
        || line.len > TS_REVOCATIONS_WIRE_LINE)
    {
        return 0;
    }

    text = ts_slice(line.data, line.len - TS_REVOCATIONS_MAC - 1);
    ts_revocations_mac(mac, text, keys);

    differ = line.data[text.len] ^ ' ';

    for (i = 0; i < TS_REVOCATIONS_MAC; i++) {
        differ |= line.data[text.len + 1 + (size_t) i] ^ (uint8_t) mac[i];
    }

    return differ == 0 && ts_state_read_revocation(text, r);
}


uint32_t
ts_revocations_score(const ts_revocation_t *r)
{
    return ts_revocation_kind(r->key) == TS_REVOKED_FREEZE ? UINT32_MAX
                                                           : r->expires;
}
