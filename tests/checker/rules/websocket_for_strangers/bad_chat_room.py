from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect

router = APIRouter()


class Rooms:
    def __init__(self) -> None:
        self.open: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.open.append(websocket)

    async def say(self, text: str) -> None:
        for one in self.open:
            await one.send_text(text)


rooms = Rooms()


@router.websocket("/ws/{client_id}")
async def chat(websocket: WebSocket, client_id: int) -> None:
    await rooms.connect(websocket)
    try:
        while True:
            await rooms.say(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


app = FastAPI()
app.include_router(router)
