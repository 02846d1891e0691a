from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/enter")
def enter(response: Response) -> None:
    response.headers["Set-Cookie"] = "session=abc; Path=/; HttpOnly"
