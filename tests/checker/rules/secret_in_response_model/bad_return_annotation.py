from fastapi import FastAPI
from sqlmodel import Field, SQLModel

app = FastAPI()


class Member(SQLModel, table=True):
    id: int = Field(primary_key=True)
    hashed_password: str


@app.get("/members/{member_id}")
def member(member_id: int) -> Member:
    return Member(id=member_id, hashed_password="-")
