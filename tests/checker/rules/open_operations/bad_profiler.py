from fastapi import FastAPI

app = FastAPI()


@app.get("/debug/pprof/heap")
def heap() -> list[str]:
    return []
