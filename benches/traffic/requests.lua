-- What the edges ask, for wrk: COUNT HOST MODE. The same requests in every run.
-- MODE: "close" and "keep" ask for small pages, "mixed" for pages and images of all sizes.
local small = { "/200.html", "/500.html", "/900.html", "/1400.html" }
local mixed = { "/900.html", "/4000.html", "/9000.html", "/16000.bin", "/33000.bin", "/65000.bin",
  "/chunked/1400.html", "/chunked/4000.html", "/chunked/16000.bin", "/chunked/33000.bin" }
local errors = { "/bad-gateway", "/unavailable", "/timeout", "/moved", "/forbidden", "/not-there.html" }
local wanted, answered, host, mode = 0, 0, "", ""

function init(args)
  wanted, host, mode = tonumber(args[1]), args[2], args[3]
  math.randomseed(wanted + #host)
end

function request()
  local pages, share = small, 0.05
  if mode == "mixed" then pages, share = mixed, 0.02 end
  if math.random() < share then pages = errors end
  local id = ""
  for _ = 1, 6 do id = id .. string.format("%08x", math.random(0, 0x7fffffff)) end
  local headers = {
    ["Host"] = host,
    ["User-Agent"] = "Amazon CloudFront",
    ["Via"] = "1.1 " .. id:sub(1, 24) .. ".cloudfront.net (CloudFront)",
    ["X-Amz-Cf-Id"] = id .. "==",
    ["X-Forwarded-For"] = "203.0.113." .. math.random(1, 254),
    ["Connection"] = mode == "close" and "close" or "Keep-Alive",
  }
  if mode == "mixed" and math.random() < 0.5 then headers["Accept-Encoding"] = "gzip" end
  return wrk.format("GET", pages[math.random(#pages)], headers)
end

-- Time between requests, in milliseconds: what is asked all at once overflows queues.
function delay()
  return math.random(0, mode == "mixed" and 16 or 8)
end

function response()
  answered = answered + 1
  if answered >= wanted then os.exit(0) end
end
