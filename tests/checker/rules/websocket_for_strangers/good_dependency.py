import os

import jwt
from fastapi import Cookie, Depends, FastAPI, WebSocket, WebSocketException

app = FastAPI()


async def caller(session: str = Cookie(default="")) -> str:
    try:
        return str(jwt.decode(session, os.environ["KEY"], algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError as error:
        raise WebSocketException(code=1008) from error


@app.websocket("/ws")
async def talk(websocket: WebSocket, who: str = Depends(caller)) -> None:
    await websocket.accept()
