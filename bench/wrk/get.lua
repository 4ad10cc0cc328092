-- wrk … -s get.lua URL -- ETAG PATH PATH …: reads these one after the other; ETAG "-": unconditionally.
local n = 0

function init(args)
  etag = args[1]
  paths = {}
  for i = 2, #args do paths[i - 1] = args[i] end
  headers = {}
  if etag ~= "-" then headers["If-None-Match"] = etag end
end

function request()
  n = n + 1
  return wrk.format("GET", paths[(n - 1) % #paths + 1], headers)
end

function done(summary, latency)
  io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
