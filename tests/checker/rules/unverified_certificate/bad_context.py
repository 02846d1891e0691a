import ssl
import urllib.request

from fastapi import FastAPI

app = FastAPI()


@app.get("/rate")
def rate() -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return urllib.request.urlopen("https://rates.example.com", context=context, timeout=3).read()
