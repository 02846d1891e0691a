from fastapi import FastAPI
from sqlalchemy import select

from shop.database import db, tables

app = FastAPI()


@app.get("/keys")
def found(api_key: str) -> list[str]:
    return db.scalars(select(tables.Keys).where(tables.Keys.api_key == api_key)).all()
