-- A node goes, and says so, unless another life of it has taken its place.
--
-- KEYS     as beat.lua has them
-- ARGV     node, incarnation, channel of wake-ups
-- Answers  1 where it was a member, else 0.
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored or string.sub(stored, 1, #ARGV[2] + 1) ~= ARGV[2] .. ' ' then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'change', 1)
redis.call('PUBLISH', ARGV[3], '')
return 1
