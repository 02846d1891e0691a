from fastapi import Depends, FastAPI, UploadFile
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
app.add_middleware(RequestBodyLimitMiddleware, max_body_size=1_000_000)


@app.post("/count")
async def count(file: UploadFile) -> int:
    return len(await file.read())
