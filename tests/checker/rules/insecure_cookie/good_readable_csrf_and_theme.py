from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/enter")
def enter(response: Response) -> None:
    response.set_cookie("csrf_token", "made elsewhere", secure=True, samesite="strict")
    response.set_cookie("theme", "dark")
    response.set_cookie("session", "", max_age=0)
