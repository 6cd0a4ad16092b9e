/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_attempts_script_parts.h"


static void ts_attempts_script_keys(ts_attempts_script_t *s,
    const ts_attempt_t *attempt);
static void ts_attempts_script_rules(ts_attempts_script_t *s,
    const ts_attempt_t *attempt);


/*
 * Both begin with what is nearly always so, without tables and functions, which
 * cost Redis more than all else: nothing is locked, too old or too much. What
 * is left to do is what the long way would do; it may be left out.
 */

const char  ts_attempts_script_reserve[] =
    TS_ATTEMPTS_SCRIPT_BEGIN

    "local new, first = { false, false, false, false, false }, 0\n"
    "for k = 1, #KEYS do\n"
    "  local v = redis.pcall('GET', KEYS[k])\n"
    "  local other, window, limit, others\n"
    "    = struct.unpack('<I4I4I4I4', ARGV[k + 2])\n"
    "  if v == false then\n"
    "    if limit == 0 then break end\n"
    "    v = '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'\n"
    "  else\n"
    "    if type(v) ~= 'string' or #v < HEAD + SLOT\n"
    "      or (#v - HEAD) % SLOT ~= 0\n"
    "    then\n"
    "      break\n"
    "    end\n"
    "    local till, lasts, failed, neutral, level, low, high, oldest\n"
    "      = struct.unpack('<I4I4I2I2BI4I4I4', v)\n"
    "    local charged = (#v - HEAD) / SLOT - neutral\n"
    "    if till ~= 0 or now - oldest >= window\n"
    "      or struct.unpack('<I4', v, #v - 8) > now\n"
    "      or failed >= limit or charged >= limit\n"
    "      or (others > 0 and charged >= others)\n"
    "    then\n"
    "      break\n"
    "    end\n"
    "    if k == 1 then\n"
    "      first = failed + 65536 * math.max(charged - failed, 0)\n"
    "    end\n"
    "  end\n"
    "  new[k] = v .. id .. struct.pack('<I4I4B', now, other, FLYING)\n"
    "  if k == #KEYS then\n"
    "    for i = 1, k do\n"
    "      redis.call('SET', KEYS[i], new[i], 'EX',\n"
    "        (struct.unpack('<I4', ARGV[i + 2], 5)))\n"
    "    end\n"
    "    return first * 64\n"
    "  end\n"
    "end\n"

    TS_ATTEMPTS_SCRIPT_COMMON

    "local ADMITTED, BUSY, LIMITED, OTHERS, LOCKED = 0, 1, 2, 3, 4\n"

    "local function oldest_failure(c)\n"
    "  for p = 1, #c.slots, SLOT do\n"
    "    local time, other, state = slot(c, p)\n"
    "    if state == FAILED then return time end\n"
    "  end\n"
    "end\n"

    /* one that is charged here already is not a further one */

    "local function judge_others(c, r)\n"
    "  local seen, n, failed, oldest = {}, 0, 0, now\n"
    "  for p = 1, #c.slots, SLOT do\n"
    "    local time, other, state = slot(c, p)\n"
    "    if state ~= NEUTRAL then\n"
    "      if other == r.other then return ADMITTED, 0 end\n"
    "      if not seen[other] then\n"
    "        n = n + 1\n"
    "        seen[other] = 0\n"
    "      end\n"
    "      if state == FAILED then seen[other] = time end\n"
    "    end\n"
    "  end\n"
    "  for other, last in pairs(seen) do\n"
    "    if last > 0 then\n"
    "      failed = failed + 1\n"
    "      oldest = math.min(oldest, last)\n"
    "    end\n"
    "  end\n"
    "  if failed >= r.others then\n"
    "    return OTHERS, oldest + r.window - now\n"
    "  end\n"
    "  if n >= r.others then return BUSY, 1 end\n"
    "  return ADMITTED, 0\n"
    "end\n"

    "local function judge(c, r)\n"
    "  if c.till > now then\n"
    "    if r.extend and c.till ~= FOREVER then\n"
    "      c.lasts = math.max(c.lasts, r.lock_min)\n"
    "      c.till = math.max(c.till, now + c.lasts)\n"
    "      save(c, r)\n"
    "    end\n"
    "    return LOCKED, c.till - now\n"
    "  end\n"
    "  prune(c, r)\n"
    "  local charged = #c.slots / SLOT - c.neutral\n"
    "  if c.failed >= r.limit then\n"
    "    local time = oldest_failure(c) or now\n"
    "    return LIMITED, math.max(1, time + r.window - now)\n"
    "  end\n"
    "  if charged >= r.limit then return BUSY, 1 end\n"
    "  if r.others > 0 and charged >= r.others then\n"
    "    return judge_others(c, r)\n"
    "  end\n"
    "  return ADMITTED, 0\n"
    "end\n"

    "local worst, which, retry, charged = ADMITTED, 0, 0, 0\n"
    "local counters, rules = {}, {}\n"
    "for k = 1, #KEYS do\n"
    "  local c, r = load(KEYS[k]), rule(ARGV[k + 2])\n"
    "  local verdict, after = judge(c, r)\n"
    "  counters[k], rules[k] = c, r\n"
    "  if after > retry then worst, which, retry = verdict, k - 1, after end\n"
    "end\n"
    "if worst ~= ADMITTED then return (retry * 8 + which) * 8 + worst end\n"

    "for k = 1, #KEYS do\n"
    "  local c = counters[k]\n"
    "  if k == 1 then\n"
    "    local flying = #c.slots / SLOT - c.neutral - c.failed\n"
    "    charged = c.failed + 65536 * math.max(flying, 0)\n"
    "  end\n"
    "  c.slots = c.slots .. id\n"
    "    .. struct.pack('<I4I4B', now, rules[k].other, FLYING)\n"
    "  save(c, rules[k])\n"
    "end\n"
    "return charged * 64\n";


const char  ts_attempts_script_settle[] =
    TS_ATTEMPTS_SCRIPT_BEGIN

    "local NEUTRALLY, SUCCEEDED, WITHDRAWN, OPEN, MOST = 1, 2, 3, 4, 4000\n"
    "local outcome, charge, age\n"
    "  = tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])\n"

    "local done, left = { false, false, false, false, false }, #KEYS\n"
    "for k = 1, #KEYS do\n"
    "  if charge or (outcome ~= SUCCEEDED and outcome ~= WITHDRAWN) then\n"
    "    break\n"
    "  end\n"
    "  local v = redis.pcall('GET', KEYS[k])\n"
    "  if type(v) == 'string' and #v >= HEAD + SLOT\n"
    "    and (#v - HEAD) % SLOT == 0\n"
    "  then\n"
    "    local till, lasts, failed = struct.unpack('<I4I4I2', v)\n"
    "    local p = string.find(v, id, HEAD + 1, true)\n"
    "    if p and (p - HEAD - 1) % SLOT == 0 and till == 0\n"
    "      and struct.unpack('<I4', v, #v - 8) <= now\n"
    "    then\n"
    "      local time, other, state = struct.unpack('<I4I4B', v, p + 8)\n"
    "      local window = struct.unpack('<I4', ARGV[k + 5], 5)\n"
    "      local flags = string.byte(ARGV[k + 5], 33)\n"
    "      if state == FLYING and now - time < window and (failed == 0\n"
    "        or outcome == WITHDRAWN or flags % 2 == 0)\n"
    "      then\n"
    "        if #v == HEAD + SLOT then\n"
    "          redis.call('DEL', KEYS[k])\n"
    "        else\n"
    "          redis.call('SET', KEYS[k], string.sub(v, 1, p - 1)\n"
    "            .. string.sub(v, p + SLOT), 'EX', window)\n"
    "        end\n"
    "        done[k], left = true, left - 1\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "if left == 0 then return 0 end\n"

    TS_ATTEMPTS_SCRIPT_COMMON

    "local function find(c)\n"
    "  local p = string.find(c.slots, id, 1, true)\n"
    "  while p and (p - 1) % SLOT ~= 0 do\n"
    "    p = string.find(c.slots, id, p + 1, true)\n"
    "  end\n"
    "  return p\n"
    "end\n"

    "local function insert(c, r)\n"
    "  if age >= r.window or find(c) or #c.slots >= MOST * SLOT then\n"
    "    return false\n"
    "  end\n"
    "  local p = #c.slots + 1\n"
    "  while p > 1 and slot(c, p - SLOT) > now - age do p = p - SLOT end\n"
    "  c.slots = string.sub(c.slots, 1, p - 1) .. id\n"
    "    .. struct.pack('<I4I4B', now - age, r.other, FLYING)\n"
    "    .. string.sub(c.slots, p)\n"
    "  return true\n"
    "end\n"

    /* the failures that have earned the lock are used up by it */

    "local function lock(c, r)\n"
    "  local level, lasts, k = c.level, r.lock_min, 0\n"
    "  if c.till > 0 then\n"
    "    level = level - math.floor((now - c.till) / r.decay)\n"
    "  end\n"
    "  while k < level and lasts < r.lock_max do\n"
    "    lasts, k = lasts * 2, k + 1\n"
    "  end\n"
    "  if lasts < r.lock_max then\n"
    "    k = k + 1\n"
    "  else\n"
    "    lasts = r.lock_max\n"
    "  end\n"
    "  c.level, c.lasts, c.till = k, lasts, now + lasts\n"
    "  if r.permanent and lasts == r.lock_max then c.till = FOREVER end\n"
    "  rebuild(c, function(p, time, state)\n"
    "    return state ~= FAILED and state\n"
    "  end)\n"
    "  return c.till - now\n"
    "end\n"

    "local locked, longest = 0, 0\n"
    "for k = 1, #KEYS do\n"
    "  if not done[k] then\n"
    "    local c, r = load(KEYS[k]), rule(ARGV[k + 5])\n"
    "    local changed = charge and insert(c, r)\n"
    "    local at, time, other, state = find(c)\n"
    "    if at then time, other, state = slot(c, at) end\n"
    "    if at and state == FLYING and now - time < r.window\n"
    "      and outcome ~= OPEN\n"
    "    then\n"
    "      changed = true\n"
    "      if outcome <= NEUTRALLY then\n"
    "        prune(c, r)\n"
    "        at = find(c)\n"
    "        state = FAILED\n"
    "        if outcome == NEUTRALLY and c.neutral < r.neutral then\n"
    "          state = NEUTRAL\n"
    "        end\n"
    "        c.slots = string.sub(c.slots, 1, at + SLOT - 2)\n"
    "          .. string.char(state) .. string.sub(c.slots, at + SLOT)\n"
    "        if state == FAILED then\n"
    "          c.failed = c.failed + 1\n"
    "        else\n"
    "          c.neutral = c.neutral + 1\n"
    "        end\n"
    "        if state == FAILED and r.lock_min > 0 and c.failed >= r.limit\n"
    "          and c.till <= now\n"
    "        then\n"
    "          locked, longest = locked + 1, math.max(longest, lock(c, r))\n"
    "        end\n"
    "      else\n"
    "        c.slots = string.sub(c.slots, 1, at - 1)\n"
    "          .. string.sub(c.slots, at + SLOT)\n"
    "        if outcome == SUCCEEDED and r.forgive and c.failed > 0 then\n"
    "          rebuild(c, function(p, time, old)\n"
    "            return old ~= FAILED and old\n"
    "          end)\n"
    "        end\n"
    "      end\n"
    "    end\n"
    "    if changed then save(c, r) end\n"
    "  end\n"
    "end\n"
    "return longest * 8 + locked\n";


void
ts_attempts_script_to_reserve(ts_attempts_script_t *s, ts_slice_t command,
    ts_slice_t script, const ts_attempt_t *attempt, uint32_t now)
{
    ts_attempts_script_begin(s, 5 + 2 * attempt->n);
    ts_attempts_script_arg(s, command.data, command.len);
    ts_attempts_script_arg(s, script.data, script.len);
    ts_attempts_script_keys(s, attempt);
    ts_attempts_script_number(s, now);

    /* the same id, whatever the machine, to look for it */

    ts_attempts_script_arg(s, &attempt->id, sizeof(attempt->id));
    ts_attempts_script_rules(s, attempt);
}


void
ts_attempts_script_to_settle(ts_attempts_script_t *s, ts_slice_t command,
    ts_slice_t script, const ts_attempt_t *attempt, uint32_t outcome,
    int charge, uint32_t age, uint32_t now)
{
    ts_attempts_script_begin(s, 8 + 2 * attempt->n);
    ts_attempts_script_arg(s, command.data, command.len);
    ts_attempts_script_arg(s, script.data, script.len);
    ts_attempts_script_keys(s, attempt);
    ts_attempts_script_number(s, now);
    ts_attempts_script_arg(s, &attempt->id, sizeof(attempt->id));
    ts_attempts_script_number(s, outcome);
    ts_attempts_script_arg(s, charge ? "1" : "0", 1);
    ts_attempts_script_number(s, age);
    ts_attempts_script_rules(s, attempt);
}


int
ts_attempts_script_verdict(long long number, uint32_t n,
    ts_attempts_verdict_t *verdict)
{
    long long  rest;

    rest = number >> 6;

    if (number < 0 || rest > (long long) UINT32_MAX
        || (number & 7) > TS_ATTEMPTS_LOCKED
        || (number >> 3 & 7) >= (long long) n)
    {
        return 0;
    }

    verdict->verdict = (ts_attempts_verdict_e) (number & 7);
    verdict->counter = (uint32_t) (number >> 3 & 7);
    verdict->retry_after = 0;
    verdict->failed = 0;
    verdict->in_flight = 0;

    if (verdict->verdict == TS_ATTEMPTS_ADMITTED) {
        verdict->failed = (uint16_t) (rest & 0xffff);
        verdict->in_flight = (uint16_t) (rest >> 16);
        return 1;
    }

    verdict->retry_after = (uint32_t) rest;

    return rest != 0;
}


int
ts_attempts_script_settled(long long number, uint32_t n, uint32_t *locked,
    uint32_t *seconds)
{
    if (number < 0 || number >> 3 > (long long) UINT32_MAX
        || (number & 7) > (long long) n
        || ((number & 7) == 0) != (number >> 3 == 0))
    {
        return 0;
    }

    *locked = (uint32_t) (number & 7);
    *seconds = (uint32_t) (number >> 3);

    return 1;
}


static void
ts_attempts_script_keys(ts_attempts_script_t *s, const ts_attempt_t *attempt)
{
    uint32_t  k;

    ts_attempts_script_number(s, attempt->n);

    for (k = 0; k < attempt->n; k++) {
        ts_attempts_script_key(s, &attempt->counters[k].key);
    }
}


static void
ts_attempts_script_rules(ts_attempts_script_t *s, const ts_attempt_t *attempt)
{
    uint32_t                   i, k, numbers[TS_ATTEMPTS_SCRIPT_RULE / 4];
    const ts_attempts_rule_t  *rule;

    for (k = 0; k < attempt->n; k++) {
        rule = attempt->counters[k].rule;

        numbers[0] = attempt->counters[k].other & 0x3fffffff;
        numbers[1] = rule->window;
        numbers[2] = rule->limit;
        numbers[3] = rule->others;
        numbers[4] = rule->neutral;
        numbers[5] = rule->lock_min;
        numbers[6] = rule->lock_max;
        numbers[7] = rule->decay;
        numbers[8] = (rule->forgive ? 1 : 0) | (rule->permanent ? 2 : 0)
                     | (rule->extend ? 4 : 0);

        for (i = 0; i < TS_ATTEMPTS_SCRIPT_RULE / 4; i++) {
            numbers[i] = htole32(numbers[i]);
        }

        ts_attempts_script_arg(s, numbers, TS_ATTEMPTS_SCRIPT_RULE);
    }
}
