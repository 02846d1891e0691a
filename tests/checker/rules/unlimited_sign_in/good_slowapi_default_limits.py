from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordRequestForm
from slowapi import Limiter
from slowapi.middleware import SlowAPIMiddleware
from slowapi.util import get_remote_address

from shop.accounts import issue

app = FastAPI()
app.state.limiter = Limiter(key_func=get_remote_address, default_limits=["5/minute"])
app.add_middleware(SlowAPIMiddleware)


@app.post("/token")
def token(form: OAuth2PasswordRequestForm = Depends()) -> str:
    return issue(form.username, form.password)
