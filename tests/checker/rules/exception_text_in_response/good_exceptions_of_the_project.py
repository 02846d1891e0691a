from fastapi import FastAPI, HTTPException

app = FastAPI()


class NotEnough(Exception):
    """Its text is written by us."""


@app.get("/buy")
def buy() -> int:
    try:
        return 1
    except NotEnough as error:
        raise HTTPException(400, detail=str(error)) from error
    except ValueError as error:
        raise HTTPException(422, detail=str(error)) from error
