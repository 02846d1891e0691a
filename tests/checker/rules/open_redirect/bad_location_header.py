from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/go")
def go(host: str) -> Response:
    return Response(status_code=302, headers={"Location": f"https://{host}/welcome"})
