-- Counts a request against a quota that all replicas share.
--
-- KEYS[1]  holds when the quota will be whole again, in µs by the server's clock; missing when it is
-- ARGV[1]  µs in which one request comes back
-- ARGV[2]  µs in which all of them do
-- Gives 0 when the request is granted, else how many µs later one would be.
local interval, all = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole = tonumber(redis.call('GET', KEYS[1]) or '') or now
-- Never before now; and never so late that a clock that was set back, or a quota that was lowered, locks a key out.
whole = math.min(math.max(whole, now), now + all) + interval
local wait = whole - all - now
if wait > 0 then
    return math.ceil(wait)
end
redis.call('SET', KEYS[1], string.format('%.3f', whole), 'PX', math.ceil((whole - now) / 1000))
return 0
