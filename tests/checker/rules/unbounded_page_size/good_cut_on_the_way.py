from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request

from shop.rows import ROWS

app = FastAPI()
MOST = 100


@dataclass
class Filters:
    limit: int | None

    def sql(self) -> str:
        return f"LIMIT {min(1000, self.limit or 10)}"


@app.get("/min")
def smallest(limit: int = 10) -> list[int]:
    return ROWS[: min(limit, MOST)]


@app.get("/refused")
def refused(page_size: int = 10) -> list[int]:
    if page_size > MOST:
        raise HTTPException(400)
    return ROWS[:page_size]


@app.get("/later")
def later(limit: int | None = None) -> str:
    return Filters(limit=limit).sql()


@app.put("/quota")
def quota(request: Request, limit: int) -> dict[str, int]:
    """A limit that sizes no answer."""
    return {"limit": limit}


@app.get("/vague")
def vague(count: int = 1) -> dict[str, bool]:
    return {"many": count > 1}
