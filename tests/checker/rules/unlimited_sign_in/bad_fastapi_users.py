from fastapi import FastAPI

from shop.users import auth_backend, fastapi_users

app = FastAPI()
app.include_router(fastapi_users.get_auth_router(auth_backend), prefix="/auth/jwt", tags=["auth"])
