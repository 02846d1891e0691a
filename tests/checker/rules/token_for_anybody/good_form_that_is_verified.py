import jwt
from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordRequestForm

from app.accounts import authenticate
from app.config import settings

app = FastAPI()


@app.post("/token")
def token(form: OAuth2PasswordRequestForm = Depends()) -> str:
    user = authenticate(form.username, form.password)
    return jwt.encode({"sub": user.id, "exp": user.until}, settings.key, algorithm="HS256")
