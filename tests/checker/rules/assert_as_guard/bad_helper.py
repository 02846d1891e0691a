from fastapi import FastAPI

app = FastAPI()


def check_owner(note: dict, user_id: int) -> None:
    assert note["owner_id"] == user_id, "not yours"
