-- Copyright (C) the ngx_tradesec authors
--
-- What one writes who guards a login with Lua in nginx, for bench/logins. The
-- "window" is what our guard does: three sliding windows (account at an address,
-- account, address), charged in one step before the backend is asked, and given
-- back when it was the right password; names are keyed hashes. The "counter" is
-- what most people write: requests of an account in a fixed window.

local redis = require "nginx.redis"

local M = {}

local SOCKET, LIMIT, WINDOW = nil, 1000000, 900
local KEY = "a key of thirty-two bytes or so.."

local RESERVE = [[
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #KEYS do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - ARGV[2])
    if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[3]) then
        return i
    end
end
for i = 1, #KEYS do
    redis.call('ZADD', KEYS[i], now, ARGV[1])
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return 0
]]

local SETTLE = [[
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return 0
]]

local COUNT = [[
local n = redis.call('INCR', KEYS[1])
if n == 1 then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return n
]]


local function ask(script, n, ...)
    local red = redis:new()

    red:set_timeout(10000)

    local ok, err = red:connect(SOCKET)

    if not ok then
        return nil, err
    end

    local reply, failed = red:evalsha(M.sha[script], n, ...)

    if not reply and string.find(failed, "NOSCRIPT", 1, true) then
        reply, failed = red:eval(script, n, ...)
    end

    red:set_keepalive(60000, 256)

    return reply, failed
end


function M.init(socket)
    local resty_sha1 = ngx.sha1_bin

    SOCKET = "unix:" .. socket
    M.sha = {}

    for _, script in ipairs { RESERVE, SETTLE, COUNT } do
        M.sha[script] = (string.gsub(resty_sha1(script), ".", function(c)
            return string.format("%02x", string.byte(c))
        end))
    end
end


local function account()
    ngx.req.read_body()

    local args = ngx.req.get_post_args(20)
    local user = args and args.username

    if type(user) ~= "string" or user == "" then
        return ngx.exit(400)
    end

    return string.lower(user)
end


local function name(kind, text)
    return "login:{g}:" .. ngx.encode_base64(ngx.hmac_sha1(KEY, kind .. text))
end


function M.window()
    local user = account()
    local address = ngx.var.binary_remote_addr
    local id = ngx.var.connection .. "." .. ngx.var.connection_requests
    local keys = {
        name("p", user .. "\0" .. address),
        name("a", user),
        name("i", address),
    }

    local reply = ask(RESERVE, 3, keys[1], keys[2], keys[3], id,
        WINDOW * 1000, LIMIT)

    if reply ~= 0 then
        return ngx.exit(reply and 429 or 503)
    end

    ngx.ctx.keys, ngx.ctx.id = keys, id
end


local function settle(premature, keys, id)
    ask(SETTLE, 3, keys[1], keys[2], keys[3], id)
end


-- Redis cannot be asked where the answer is seen

function M.outcome()
    local keys = ngx.ctx.keys

    if keys and ngx.status == 200 then
        ngx.timer.at(0, settle, keys, ngx.ctx.id)
    end
end


function M.counter()
    local n = ask(COUNT, 1, name("c", account()), WINDOW * 1000)

    if not n or n > 100000000 then
        return ngx.exit(n and 429 or 503)
    end
end


return M
