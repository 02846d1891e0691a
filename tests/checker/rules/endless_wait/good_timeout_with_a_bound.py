import httpx

client = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=3, read=10, write=10, pool=3))
other = httpx.AsyncClient(timeout=httpx.Timeout(5))
