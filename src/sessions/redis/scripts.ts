/*
 * What must be one step in Redis. Each script touches a single key, so that it also runs in a Cluster, while slots move too.
 *
 * A session is a hash: `v` the sealed session, `s` when it was last seen, `e` its absolute end by Redis's own clock,
 * `a:<app>` when that app was last opened.
 * Redis expires it at the earlier of idle and absolute end; no gateway whose clock was set back can prolong it.
 */

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function expireAt(at) redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', at)) end
`;

/** KEYS session; ARGV sealed, seen, idle ms, ms left until the absolute end. */
export const createScript = `${now}
local ends = now + ARGV[4]
redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 'e', string.format('%.0f', ends))
expireAt(math.min(now + ARGV[3], ends))
return 1`;

/**
 * KEYS session; ARGV seen, idle ms, then apps and times in turn. Prolongs what exists and never beyond its absolute end. Answers the
 * milliseconds that are left, 1 when apps had been opened before, and those that had not and now have. The expiry comes first: it works in a Redis that is out of memory, where noting the time does not.
 */
export const touchScript = `${now}
local ends = redis.call('HGET', KEYS[1], 'e')
if not ends then return {0} end
local left = math.min(tonumber(ARGV[2]), tonumber(ends) - now)
expireAt(now + left)
local seen = redis.call('HGET', KEYS[1], 's')
if seen and tonumber(seen) < tonumber(ARGV[1]) then redis.pcall('HSET', KEYS[1], 's', ARGV[1]) end
local answer = {math.ceil(left), #ARGV > 2 and #redis.call('HGETALL', KEYS[1]) > 6 and 1 or 0}
for place = 3, #ARGV, 2 do
  if redis.pcall('HSET', KEYS[1], 'a:' .. ARGV[place], ARGV[place + 1]) == 1 then answer[#answer + 1] = ARGV[place] end
end
return answer`;

/** KEYS session; ARGV sealed. Keeps both limits; never revives. */
export const renewScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1])
return 1`;

/** KEYS session. Answers what was removed, so that exactly one caller ended it. */
export const endScript = `
local sealed = redis.call('HGET', KEYS[1], 'v')
redis.call('DEL', KEYS[1])
return sealed`;

/** KEYS index; ARGV score, member, ms to keep the index at least. */
export const indexScript = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/** KEYS since; ARGV member, login, ms that a session can live. Takes out those that began longer ago. */
export const enterSinceScript = `
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3] - 60000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', oldest))
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] + 120000))
return 1`;

/** KEYS until; ARGV member, ms left. Takes out those that ended more than a day ago: no gateway that could tell of them was there. */
export const enterUntilScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - 86400000))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], '-1', '-1', 'WITHSCORES')[2] + 120000
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
return 1`;

/** KEYS who; ARGV member, sealed, ms until its absolute end, ms to keep the hash at least. */
export const enterWhoScript = `${now}
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[3]) .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`;

/** KEYS until; ARGV ms, most. Members with their ends that were over so long ago, the oldest first. */
export const dueScript = `${now}
return redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[1]), 'BYSCORE', 'LIMIT', '0', ARGV[2], 'WITHSCORES')`;

/** KEYS until. How many have not ended yet. */
export const openCountScript = `
local time = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')`;

/** KEYS count; ARGV ms. The window begins with the first and is not prolonged by the others. */
export const countScript = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count`;

/** KEYS HyperLogLog; ARGV ms to keep it, values. */
export const distinctScript = `
redis.call('PFADD', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`;

/** KEYS lease; ARGV token, ms. */
export const extendScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS lease; ARGV token. */
export const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** KEYS beat; ARGV ms. Announces a change without using memory: it beats on in a Redis that is full. */
export const beatScript = `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
return 1`;
