from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

app = FastAPI()
PAGE = "<html><body><p>%s</p><p>{}</p></body></html>"


class Greeting(BaseModel):
    text: str


@app.post("/greet")
def greet(given: Greeting) -> HTMLResponse:
    page = PAGE.format(given.text)
    return HTMLResponse(content=page, status_code=200)
