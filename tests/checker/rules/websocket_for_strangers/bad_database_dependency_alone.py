from fastapi import Depends, FastAPI, WebSocket

app = FastAPI()


def database() -> dict:
    return {}


async def feed(websocket: WebSocket, db: dict = Depends(database)) -> None:
    await websocket.accept()
    await websocket.send_json(db)


app.add_api_websocket_route("/feed", feed)
