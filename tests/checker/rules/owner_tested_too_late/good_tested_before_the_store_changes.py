from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import engine
from app.models import Post

app = FastAPI()


def current_user(request: Request) -> int:
    if "user" not in request.session:
        raise HTTPException(401)
    return request.session["user"]


def update_post(post_id: int, title: str) -> None:
    with Session(engine) as session:
        session.execute(update(Post).where(Post.id == post_id).values(title=title))
        session.commit()


@app.patch("/posts/{post_id}")
def edit(post_id: int, title: str, user: int = Depends(current_user)) -> None:
    with Session(engine) as session:
        post = session.scalar(select(Post).where(Post.id == post_id))
    if post is None or post.author_id != user:
        raise HTTPException(404)
    update_post(post_id, title)
