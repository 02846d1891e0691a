import sqlite3


def start() -> None:
    with sqlite3.connect("shop.db") as db:
        db.execute("INSERT INTO users (username, password) VALUES ('admin', 'adminpass')")
