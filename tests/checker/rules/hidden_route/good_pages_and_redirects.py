from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse

app = FastAPI()


@app.get("/favicon.ico", include_in_schema=False)
def icon() -> FileResponse:
    return FileResponse("favicon.ico")


@app.get("/", include_in_schema=False)
def index() -> RedirectResponse:
    return RedirectResponse("/docs")
