from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
bearer = HTTPBearer(auto_error=False)


@app.post("/jobs")
async def start(credentials: HTTPAuthorizationCredentials | None = Depends(bearer)) -> dict:
    return {"started": True}
