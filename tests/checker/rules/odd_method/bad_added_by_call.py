from fastapi import FastAPI

app = FastAPI()


def echo() -> str:
    return "ok"


app.add_api_route("/echo", echo, methods=["GET", "TRACE"])
