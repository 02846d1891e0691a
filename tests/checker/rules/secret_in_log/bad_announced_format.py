import logging
import secrets

from fastapi import FastAPI

log = logging.getLogger(__name__)
app = FastAPI()


def send(number: str, digits: str) -> None:
    print(f"Your PIN: {digits}")


@app.post("/codes")
def code(number: str) -> None:
    send(number, str(secrets.randbelow(10**8)))
