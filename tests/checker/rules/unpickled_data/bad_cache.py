import pickle

from fastapi import FastAPI
from redis import Redis

app = FastAPI()
redis = Redis()


@app.get("/report/{number}")
def report(number: int) -> dict:
    return pickle.loads(redis.get(f"report:{number}"))
