from fastapi import FastAPI, Request

app = FastAPI()


def is_admin(request: Request) -> bool:
    return getattr(request.state.user, "is_admin", True)
