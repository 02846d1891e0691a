from fastapi import FastAPI

app = FastAPI()


@app.get("/run")
def run():
    try:
        return {"ok": 1}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}
