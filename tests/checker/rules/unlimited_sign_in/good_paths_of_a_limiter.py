from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordRequestForm
from ratelimit import RateLimitMiddleware, Rule

from shop.accounts import address, backend, issue

app = FastAPI()
app.add_middleware(
    RateLimitMiddleware, authenticate=address, backend=backend, config={"^/api/(token|code)$": [Rule(minute=5)]}
)


@app.post("/api/token")
def token(form: OAuth2PasswordRequestForm = Depends()) -> str:
    return issue(form.username, form.password)
