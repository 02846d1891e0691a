from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws/{payment_hash}")
async def listen(websocket: WebSocket, payment_hash: str) -> None:
    await websocket.accept()
    await websocket.send_text(payment_hash)
