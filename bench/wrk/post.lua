-- wrk … -s post.lua URL -- PREFIX PATH COUNT BYTES ENDPOINT: posts tasks with identifiers of their own; COUNT > 1: batches of so
-- many; BYTES > 0: payloads of about so many bytes; ENDPOINT not empty: each names it.
local n = 0

function init(args)
  prefix, path, count = args[1], args[2], tonumber(args[3] or "1")
  local bytes = tonumber(args[4] or "0")
  fill = bytes > 0 and ',"fill":"' .. string.rep("x", math.max(0, bytes - 30)) .. '"' or ""
  named = (args[5] or "") ~= "" and ',"endpoints":["' .. args[5] .. '"]' or ""
  headers = { ["Content-Type"] = "application/json" }
end

local function task()
  n = n + 1
  return '{"identifier":"' .. prefix .. n .. '","payload":{"n":' .. n .. fill .. '}' .. named .. '}'
end

function request()
  if count == 1 then return wrk.format("POST", path, headers, task()) end
  local tasks = {}
  for i = 1, count do tasks[i] = task() end
  return wrk.format("POST", path, headers, '{"tasks":[' .. table.concat(tasks, ",") .. ']}')
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
