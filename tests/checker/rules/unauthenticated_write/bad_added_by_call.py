from fastapi import FastAPI

app = FastAPI()
kept: dict[str, str] = {}


async def keep(name: str, text: str) -> None:
    kept[name] = text


app.add_api_route("/kept/{name}", keep, methods=["PUT"])
