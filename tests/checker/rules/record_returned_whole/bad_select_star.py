import sqlite3

from fastapi import FastAPI

app = FastAPI()
connection = sqlite3.connect("app.db")
connection.execute("""CREATE TABLE IF NOT EXISTS members (id INTEGER, name TEXT, password TEXT)""")


@app.get("/members")
def members():
    return connection.execute("SELECT * FROM members").fetchall()
