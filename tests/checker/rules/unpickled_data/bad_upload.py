import joblib
from fastapi import Depends, FastAPI, UploadFile

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])


@app.post("/model")
async def model(file: UploadFile) -> str:
    return type(joblib.load(file.file)).__name__
