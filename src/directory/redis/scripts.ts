/*
 * The directory's steps in Redis. All keys of a call share the hash tag `{directory}`.
 *
 * A document is a hash: `v` its version, `b` its body as JSON. An index entry is a sorted set of document ids by `at`; Redis orders
 * equal scores by member, as the port wants it.
 */

/** KEYS documents. Answers [version, body] for each, or an empty list. */
export const readScript = `
local found = {}
for place, key in ipairs(KEYS) do
  local values = redis.call('HMGET', key, 'v', 'b')
  if values[1] then found[place] = values else found[place] = {} end
end
return found`;

/** KEYS index; ARGV from, to, offset, limit. Answers [total, ids]. */
export const findScript = `
local total = redis.call('ZCOUNT', KEYS[1], ARGV[1], ARGV[2])
if tonumber(ARGV[4]) == 0 then return { tostring(total), {} } end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', ARGV[3], ARGV[4])
return { tostring(total), ids }`;

/**
 * KEYS all that is touched; ARGV the plan. First everything is checked, then everything is written: Redis does not undo a script.
 * A unique key may be taken over from a document that gives it up in the same transaction.
 */
export const commitScript = `
local plan = cjson.decode(ARGV[1])
local given = {}
local wanted = {}
for step, change in ipairs(plan) do
  local version = tonumber(redis.call('HGET', KEYS[change.key], 'v') or '0')
  if version ~= change.expect then return { 'conflict', tostring(step - 1) } end
  for _, place in ipairs(change.remove) do given[place .. ' ' .. change.id] = true end
end
for step, change in ipairs(plan) do
  for at, entry in ipairs(change.add) do
    if entry[3] == 1 then
      local place = entry[1]
      for _, holder in ipairs(redis.call('ZRANGE', KEYS[place], 0, -1)) do
        if holder ~= change.id and not given[place .. ' ' .. holder] then
          return { 'taken', tostring(step - 1), tostring(at - 1), holder }
        end
      end
      if wanted[place] and wanted[place] ~= change.id then return { 'taken', tostring(step - 1), tostring(at - 1), wanted[place] } end
      wanted[place] = change.id
    end
  end
end
for _, change in ipairs(plan) do
  for _, place in ipairs(change.remove) do redis.call('ZREM', KEYS[place], change.id) end
end
for _, change in ipairs(plan) do
  for _, entry in ipairs(change.add) do redis.call('ZADD', KEYS[entry[1]], entry[2], change.id) end
  if change.body == '' then redis.call('DEL', KEYS[change.key])
  elseif change.body then redis.call('HSET', KEYS[change.key], 'v', string.format('%.0f', change.expect + 1), 'b', change.body) end
end
return { 'done' }`;
