-- For wrk: `-- HEADERS_FILE COOKIES_FILE SKIP PATH`. Header lines for every request, one cookie for each in turn, and the result as JSON.
local cookies, position, head, plain = {}, 0, "", ""

function init(arguments)
  head = "GET " .. arguments[4] .. " HTTP/1.1\r\n"
  for line in io.lines(arguments[1]) do head = head .. line .. "\r\n" end
  if arguments[2] ~= "-" then
    for line in io.lines(arguments[2]) do cookies[#cookies + 1] = line end
    position = tonumber(arguments[3]) % #cookies
  end
  plain = head .. "\r\n"
end

function request()
  if #cookies == 0 then return plain end
  position = position % #cookies + 1
  return head .. "Cookie: " .. cookies[position] .. "\r\n\r\n"
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"errors":%d,"p50Ms":%f,"p99Ms":%f}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
