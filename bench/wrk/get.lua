-- wrk … -s get.lua URL -- ETAG PATH ETAG PATH …: reads these one after the other; ETAG "-": unconditionally.
local n = 0

function init(args)
  requests = {}
  for i = 1, #args, 2 do
    local headers = {}
    if args[i] ~= "-" then headers["If-None-Match"] = args[i] end
    requests[#requests + 1] = wrk.format("GET", args[i + 1], headers)
  end
end

function request()
  n = n + 1
  return requests[(n - 1) % #requests + 1]
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
