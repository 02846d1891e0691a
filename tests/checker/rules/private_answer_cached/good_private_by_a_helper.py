from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

app = FastAPI()


def current_user(request: Request) -> int:
    if "user" not in request.session:
        raise HTTPException(401)
    return request.session["user"]


def kept(content: list[int], seconds: int) -> JSONResponse:
    return JSONResponse(content, headers={"Cache-Control": f"private, max-age={seconds}"})


@app.get("/mine")
def mine(user: int = Depends(current_user)) -> JSONResponse:
    return kept([user], 60)
