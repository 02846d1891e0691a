from fastapi import APIRouter, FastAPI
from fastapi_utils.cbv import cbv

router = APIRouter()
kept: list[str] = []


@cbv(router)
class Notes:
    @router.post("/notes")
    def write(self, text: str) -> None:
        kept.append(text)


app = FastAPI()
app.include_router(router)
