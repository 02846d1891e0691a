from fastapi import FastAPI

app = FastAPI()
kept: dict[str, str] = {}


def show() -> dict[str, str]:
    return dict(kept)


app.add_api_route("/private/kept", show, methods=["GET"], include_in_schema=False)
