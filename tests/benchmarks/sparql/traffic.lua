-- Walks through a list of requests, for traffic.py: file of items, first round, method, target, body, headers.
local items, headers = {}, {}
local method, target, body
local at, round = 0, 1

local function filled(text, item)
  return (text:gsub("{(%a+)}", { item = item, round = tostring(round) }))
end

function init(args)
  for line in io.lines(args[1]) do items[#items + 1] = line end
  round, method, target, body = tonumber(args[2]), args[3], args[4], args[5]
  for i = 6, #args, 2 do headers[args[i]] = args[i + 1] end
end

function request()
  at = at + 1
  if at > #items then
    at, round = 1, round + 1
  end
  local item = items[at]
  return wrk.format(method, filled(target, item), headers, body ~= "" and filled(body, item) or nil)
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "errors": %d, "median": %d, "p99": %d}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
