from fastapi import FastAPI, Query, WebSocket, status

app = FastAPI()


def user_of(token: str) -> str | None:
    return None


@app.websocket("/ws")
async def talk(websocket: WebSocket, token: str = Query(...)) -> None:
    if user_of(token) is None:
        await websocket.close(code=status.WS_1008_POLICY_VIOLATION)
        return
    await websocket.accept()
