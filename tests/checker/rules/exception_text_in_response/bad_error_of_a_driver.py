from fastapi import FastAPI, HTTPException
import asyncpg

from shop.rates import rates

app = FastAPI()


@app.get("/rates/{code}")
def rate(code: str) -> float:
    try:
        return rates(code)
    except asyncpg.PostgresError as error:
        raise HTTPException(400, str(error)) from error
