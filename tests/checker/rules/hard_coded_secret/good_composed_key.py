PREFIX = "shop"
GATEWAY = "https://gateway.local"
cache_token = f"{PREFIX}:v2:count"
reset_password = GATEWAY + "/reset-now-1"
