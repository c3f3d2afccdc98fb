-- Publishes a batch. What came before is refused, so that a batch may be sent again.
--
-- KEYS: owner, stream, seq, order; then for each message the key of its last value and the key of
--       the reference's last value, '' for none.
-- ARGV: owner, Pub/Sub of open bars, Pub/Sub of the reference, length of the stream, seconds that
--       the reference's value lasts; then for each message its channel, seq ('' for an open bar),
--       JSON, fence, place and the reference's JSON.
-- Returns the owner that is there ('' for none), and how many messages were taken and refused.

local OWNER, STREAM, SEQ, ORDER = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local LIVE, UPDATES, STREAM_LENGTH, SECONDS = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local KEYS_EACH, ARGV_EACH, DIGITS = 2, 6, 20

local owner = redis.call('GET', OWNER) or ''
if owner ~= ARGV[1] then
  return {owner, 0, 0}
end

-- Whether a number, as its digits, is lower: 64 bits are more than a number holds here.
local function is_lower(a, b)
  return #a < #b or (#a == #b and a < b)
end

-- Whether a value is not older than the last one of this field; then it is the last one. A claim
-- that has passed writes nothing more; only a new generation of the topic may go back in time.
local function takes(field, fence, place)
  local last = redis.call('HGET', ORDER, field)
  if last then
    local last_fence, last_place = last:sub(1, 2 * DIGITS), last:sub(2 * DIGITS + 1)
    local same_generation = fence:sub(1, DIGITS) == last_fence:sub(1, DIGITS)
    if fence < last_fence or (same_generation and place < last_place) then
      return false
    end
  end
  redis.call('HSET', ORDER, field, fence .. place)
  return true
end

local taken, refused = 0, 0
for message = 0, (#ARGV - 5) / ARGV_EACH - 1 do
  local latest_key = KEYS[5 + message * KEYS_EACH]
  local reference_key = KEYS[6 + message * KEYS_EACH]
  local channel, seq, json, fence, place, reference =
    unpack(ARGV, 6 + message * ARGV_EACH, 11 + message * ARGV_EACH)
  local is_open = seq == ''
  local last_seq = not is_open and redis.call('HGET', SEQ, channel)
  local is_new = not last_seq or is_lower(last_seq, seq)
  -- The stream comes last: what failed half-way is new when it is sent again.
  if is_new and latest_key ~= '' then
    local is_latest = takes(channel, fence, place)
    if is_latest then
      redis.call('SET', latest_key, json)
    end
    if is_latest and is_open then
      redis.call('PUBLISH', LIVE, json)
    end
    is_new = is_latest or not is_open
  end
  if is_new and reference_key ~= '' and takes(channel .. ':closed', fence, place) then
    redis.call('SET', reference_key, reference, 'EX', SECONDS)
    redis.call('PUBLISH', UPDATES, reference)
  end
  if is_new and not is_open then
    redis.call('XADD', STREAM, 'MAXLEN', '~', STREAM_LENGTH, '*',
      'channel', channel, 'seq', seq, 'json', json)
    redis.call('HSET', SEQ, channel, seq)
  end
  if is_new then
    taken = taken + 1
  else
    refused = refused + 1
  end
end
return {owner, taken, refused}
