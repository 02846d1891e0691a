from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws/{client_id}")
async def listen(websocket: WebSocket, client_id: str) -> None:
    await websocket.accept()
    await websocket.send_text(client_id)
