"""The whole setup in one call. Run: FASTNESS_ENVIRONMENT=development uvicorn examples.minimal.app:app."""

from fastapi import FastAPI

from fastness import OptionalUser, public, secure

app = FastAPI()
secure(app)


@app.get("/")
@public("everybody is greeted, and who signed in by name")
async def greet(user: OptionalUser) -> str:
    return f"Hello, {user.id if user else 'stranger'}"
