import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse

OPEN = ["/health"]


class Authentication(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next):
        if request.url.path in OPEN:
            return await call_next(request)
        token = request.headers.get("Authorization", "")
        try:
            jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return JSONResponse({"detail": "sign in"}, status_code=401)
        return await call_next(request)


app = FastAPI()
app.add_middleware(Authentication)

@app.post("/notes")
def write(text: str) -> None:
    notes.append(text)
