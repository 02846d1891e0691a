from fastapi import FastAPI
from starlette.staticfiles import StaticFiles as Static

app = FastAPI()
app.mount("/a", Static(directory="media/avatars"))
