from fastapi import Depends, FastAPI
from shop.database import Session, session

app = FastAPI()


@app.post("/contact-us")
def contact(text: str, db: Session = Depends(session)) -> None:
    db.execute("INSERT INTO letters (text) VALUES (:text)", {"text": text})
    db.commit()
