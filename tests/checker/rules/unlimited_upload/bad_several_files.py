from fastapi import Depends, FastAPI, UploadFile

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])


@app.post("/words")
async def words(files: list[UploadFile]) -> int:
    total_words = 0
    for file in files:
        content = await file.read()
        total_words += len(content.split())
    return total_words
