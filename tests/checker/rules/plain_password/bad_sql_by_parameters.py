import sqlite3

from fastapi import FastAPI, Form

app = FastAPI()


@app.post("/register")
def register(username: str = Form(), password: str = Form()) -> None:
    with sqlite3.connect("shop.db") as db:
        db.execute("INSERT INTO users (name, password) VALUES (?, ?)", (username, password))
