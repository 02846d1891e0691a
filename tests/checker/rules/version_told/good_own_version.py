from fastapi import FastAPI

__version__ = "1.2.0"
app = FastAPI(version=__version__)


@app.get("/version")
def version():
    return {"version": __version__}
