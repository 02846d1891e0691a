from fastapi import Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
posts: list[dict] = []


class Post(BaseModel):
    text: str


@app.post("/posts")
def write(post: Post) -> None:
    posts.append(post.model_dump())


@app.get("/posts")
def read() -> dict:
    return {"posts": posts}
