-- Fresh request ids and line ids in turn, put into one body; the figures as one line of JSON.
-- Arguments after `--`: file with the body, file with the line ids, name of this run, mean of the pause before each
-- request in ms (pauses as of independent callers; 0 is none).

local head, between, tail
local lines = {}
local run
local number = 0

function init(args)
  local file = assert(io.open(args[1]))
  local body = file:read("*a")
  file:close()
  local id_from, id_to = assert(body:find("@request_id@", 1, true))
  local line_from, line_to = assert(body:find("@line_id@", 1, true))
  assert(id_from < line_from, "the request id stands first")
  head = body:sub(1, id_from - 1)
  between = body:sub(id_to + 1, line_from - 1)
  tail = body:sub(line_to + 1)
  for line in io.lines(args[2]) do
    lines[#lines + 1] = line
  end
  run = args[3]
  local mean = tonumber(args[4])
  if mean > 0 then
    math.randomseed(1)
    function delay()
      return math.floor(-math.log(1 - math.random()) * mean + 0.5)
    end
  end
end

function request()
  number = number + 1
  local id = run .. "-" .. number
  return wrk.format("POST", nil, nil, head .. id .. between .. lines[(number - 1) % #lines + 1] .. tail)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
