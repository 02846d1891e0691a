import httpx
from fastapi import BackgroundTasks, Depends, FastAPI
from pydantic import BaseModel, HttpUrl

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])


class Job(BaseModel):
    callback: HttpUrl
    rows: int


class Notifier:
    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=5)

    async def tell(self, address: str) -> None:
        await self.client.post(address, json={"done": True})


@app.post("/jobs")
async def start(job: Job, tasks: BackgroundTasks) -> None:
    await Notifier().tell(str(job.callback))
