from fastapi import FastAPI, HTTPException
import base64

app = FastAPI()


@app.get("/rates/{code}")
def rate(code: str) -> float:
    try:
        return float(base64.b64decode(code))
    except Exception as error:
        raise HTTPException(400, str(error)) from error
