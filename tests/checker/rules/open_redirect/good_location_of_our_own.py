from fastapi import FastAPI, Response

app = FastAPI()


@app.post("/orders", status_code=201)
def order(article: int, response: Response) -> dict[str, int]:
    response.headers["Location"] = f"/orders/{article}"
    return {"article": article}
