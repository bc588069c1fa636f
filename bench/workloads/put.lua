-- 1,000 keys in turn, one to a request, below the URL that wrk was given.
local n = 0
request = function()
  n = (n + 1) % 1000
  return wrk.format("GET", wrk.path .. "/w" .. n)
end
