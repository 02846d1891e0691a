from fastapi import BackgroundTasks, FastAPI
from shop.work import answer, semaphore

app = FastAPI()


@app.get("/answer")
async def ask(tasks: BackgroundTasks) -> str:
    await semaphore.acquire()
    tasks.add_task(semaphore.release)
    return answer()
