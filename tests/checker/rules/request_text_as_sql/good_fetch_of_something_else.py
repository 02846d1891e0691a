from fastapi import Depends, FastAPI

from app.articles import Articles, get_articles

app = FastAPI()


@app.get("/articles")
async def article(name: str, articles: Articles = Depends(get_articles)) -> dict[str, str]:
    return await articles.fetch(name)
