from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()


class Bearer(HTTPBearer):
    async def __call__(self, request: Request) -> str:
        credentials: HTTPAuthorizationCredentials = await super().__call__(request)
        if credentials is None:
            raise HTTPException(403)
        return credentials.credentials


@app.get("/salaries")
async def salaries(token: Annotated[str, Depends(Bearer())]) -> dict:
    return {"ada": 100}
