import sqlite3

from fastapi import FastAPI

app = FastAPI()


@app.get("/orders")
def orders(status: str | None = None, sort: str = "id") -> list[tuple]:
    query = "SELECT * FROM orders WHERE 1=1"
    if status:
        query += " AND status = '" + status + "'"
    query += " LIMIT 50"
    return sqlite3.connect("shop.db").cursor().execute(query).fetchall()
