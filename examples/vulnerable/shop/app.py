import os

from fastapi import FastAPI, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response

from . import files, orders, people

# seeded: FN701
app = FastAPI(title="shop", debug=True)
# seeded: FN601
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"])
app.include_router(people.router)
app.include_router(orders.router)
app.include_router(files.router)


@app.exception_handler(ValueError)
async def broken(request: Request, error: ValueError) -> JSONResponse:
    # seeded: FN504
    return JSONResponse({"detail": str(error)}, status_code=500)


# seeded: FN509
@app.get("/debug/environment")
def environment() -> dict:
    return dict(os.environ)


@app.post("/theme", status_code=204)
def theme(name: str) -> Response:
    answer = Response(status_code=204)
    # seeded: FN605
    answer.set_cookie("session_theme", name)
    return answer


# seeded: FN103
@app.websocket("/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
