from http import HTTPMethod

from fastapi import FastAPI

app = FastAPI()


@app.api_route("/items", methods=[HTTPMethod.GET, HTTPMethod.POST.value])
def items() -> list[int]:
    return []


@app.api_route("/others", methods=[m for m in HTTPMethod if m not in {HTTPMethod.TRACE, HTTPMethod.CONNECT}])
def others() -> list[int]:
    return []
