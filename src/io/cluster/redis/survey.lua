-- All members, for whoever looks: read alone, and consistent.
--
-- KEYS     as beat.lua has them
-- Answers  node, value, ms since its last sign of life, about, and so on.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
local members = redis.call('HGETALL', KEYS[1])
for i = 1, #members, 2 do
  local node = members[i]
  local seen = redis.call('ZSCORE', KEYS[2], node)
  answer[#answer + 1] = node
  answer[#answer + 1] = members[i + 1]
  answer[#answer + 1] = tostring(seen and math.max(0, now - tonumber(seen)) or 0)
  answer[#answer + 1] = redis.call('HGET', KEYS[3], node) or ''
end
return answer
