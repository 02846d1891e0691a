from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
MOST = 1_000_000


async def small(request: Request) -> None:
    if int(request.headers.get("content-length", MOST + 1)) > MOST:
        raise HTTPException(413)


@app.post("/chunks")
async def chunks(file: UploadFile) -> int:
    received = 0
    while part := await file.read(65536):
        received += len(part)
        if received > MOST:
            raise HTTPException(413)
    return received


@app.post("/length")
async def length(file: UploadFile) -> int:
    content = await file.read()
    if len(content) > MOST:
        raise HTTPException(413)
    return len(content)


@app.post("/header", dependencies=[Depends(small)])
async def header(file: UploadFile) -> int:
    return len(await file.read())
