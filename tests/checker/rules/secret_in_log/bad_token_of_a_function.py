from fastapi import FastAPI

app = FastAPI()


def create_access_token(name: str) -> str:
    return name


@app.get("/token")
def token_for(name: str) -> None:
    token = create_access_token(name)
    print("made", token)
