import httpx
import sqlite3

from fastapi import FastAPI

app = FastAPI()


@app.get("/delivery/{order_id}")
def delivery(order_id: int) -> str:
    answer = httpx.get("https://courier.example.com/state", params={"order": order_id}).json()
    state = answer["state"]
    sqlite3.connect("shop.db").execute(f"UPDATE orders SET state = '{state}' WHERE id = {order_id}")
    return state
