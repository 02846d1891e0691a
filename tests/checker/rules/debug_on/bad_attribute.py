from fastapi import FastAPI


def create() -> FastAPI:
    app = FastAPI()
    app.debug = True
    return app
