from fastapi import FastAPI

app = FastAPI()


@app.options("/echo")
def echo() -> str:
    return "ok"
