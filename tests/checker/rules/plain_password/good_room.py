from fastapi import FastAPI, HTTPException

app = FastAPI()
rooms: dict[str, dict[str, str]] = {}


@app.post("/rooms/{name}/join")
def join(name: str, password: str) -> None:
    if rooms[name]["password"] != password:
        raise HTTPException(403)
