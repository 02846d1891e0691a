from fastapi import FastAPI, HTTPException
from ratelib import RatesRefused, rates

app = FastAPI()


@app.get("/rates/{code}")
def rate(code: str) -> float:
    try:
        return rates(code)
    except RatesRefused as error:
        raise HTTPException(500, str(error)) from error
