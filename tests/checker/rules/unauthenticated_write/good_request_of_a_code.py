from fastapi import FastAPI
from shop.mail import send_code

app = FastAPI()


@app.post("/customer-session/request")
def request(email: str) -> None:
    send_code(email)
