-- One sign of life of a node, which is told who else lives.
--
-- KEYS[1]  hash, node -> incarnation, a space, address
-- KEYS[2]  sorted set, node by the time of its last sign of life (ms of this server's clock)
-- KEYS[3]  hash, node -> what it says of itself
-- KEYS[4]  hash, `life`: which of the lives of this data it is; `change`: raised with each change of members
-- ARGV     node, incarnation, address, about ('' where it has not changed), time to live in ms, what the caller knows
--          (life, a colon, change), a new life's name, channel of wake-ups, most members
-- Answers  {status, what is known now} and, where that is not what the caller knows, every node and its value, one after the other.
--          Status: joined; taken, by another life of this node; full.
local members, seen, about, site = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local node, mine = ARGV[1], ARGV[2] .. ' ' .. ARGV[3]
local ttl = tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if redis.call('HSETNX', site, 'life', ARGV[7]) == 1 then redis.call('HSET', site, 'change', 0) end

local function changed()
  redis.call('HINCRBY', site, 'change', 1)
  redis.call('PUBLISH', ARGV[8], '')
end

-- Where nobody was heard for long, nobody could be: it is this server that was away, and all have as long again.
local latest = redis.call('ZREVRANGE', seen, 0, 0, 'WITHSCORES')
if latest[2] and now - tonumber(latest[2]) > ttl / 2 then
  for _, other in ipairs(redis.call('ZRANGE', seen, 0, -1)) do redis.call('ZADD', seen, now, other) end
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - ttl)) do
  redis.call('ZREM', seen, gone)
  redis.call('HDEL', members, gone)
  redis.call('HDEL', about, gone)
  changed()
end

local status = 'joined'
local stored = redis.call('HGET', members, node)
if stored and string.sub(stored, 1, #ARGV[2] + 1) ~= ARGV[2] .. ' ' then
  status = 'taken'
elseif not stored and redis.call('HLEN', members) >= tonumber(ARGV[9]) then
  status = 'full'
else
  if stored ~= mine then
    redis.call('HSET', members, node, mine)
    changed()
  end
  redis.call('ZADD', seen, now, node)
  if ARGV[4] ~= '' then redis.call('HSET', about, node, ARGV[4]) end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl * 10) end

local known = redis.call('HGET', site, 'life') .. ':' .. redis.call('HGET', site, 'change')
local answer = {status, known}
if known ~= ARGV[6] then
  for _, text in ipairs(redis.call('HGETALL', members)) do answer[#answer + 1] = text end
end
return answer
