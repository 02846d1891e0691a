from fastapi import FastAPI

app = FastAPI()


@app.post("/users/register")
def register(email: str, password: str) -> dict:
    return {"email": email}
