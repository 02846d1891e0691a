from fastapi import Depends, FastAPI, Form, Header, Request
from fastapi.security import OAuth2PasswordRequestForm

app = FastAPI()


@app.get("/verify-email")
def verify(token: str) -> dict:
    return {"ok": True}


@app.get("/items")
def items(page_token: str | None = None, key: str = "name") -> list[str]:
    return []


@app.post("/login")
def login(form: OAuth2PasswordRequestForm = Depends()) -> dict:
    return {"user": form.username}


@app.post("/signin")
def signin(username: str = Form(), password: str = Form()) -> dict:
    return {"user": username}


@app.get("/oauth/callback")
def callback(request: Request, access_token: str = "") -> dict:
    return {"code": request.query_params.get("code")}


@app.get("/me")
def me(x_api_key: str = Header()) -> dict:
    return {}
