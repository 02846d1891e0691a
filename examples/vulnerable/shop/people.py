from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel
from sqlalchemy.orm import Session

from .database import User, get_db, hash_password
from .tokens import current_user, issue, reset_code

router = APIRouter()
codes: dict[str, str] = {}


class Registration(BaseModel):
    email: str
    # seeded: FN134
    password: str


class Login(BaseModel):
    email: str
    password: str


class Changes(BaseModel):
    email: str | None = None
    # seeded: FN209
    is_admin: bool | None = None


class Person(BaseModel):
    id: int
    email: str
    password_hash: str
    balance: float


# seeded: FN408
@router.post("/register", status_code=201)
def register(given: Registration, db: Session = Depends(get_db)) -> dict:
    user = User(email=given.email, password_hash=hash_password(given.password))
    db.add(user)
    db.commit()
    return {"id": user.id}


# seeded: FN408
@router.post("/login")
def login(given: Login, db: Session = Depends(get_db)) -> dict:
    user = db.query(User).filter(User.email == given.email).first()
    if user is None:
        # seeded: FN127
        raise HTTPException(404, "No such user")
    if user.password_hash != hash_password(given.password):
        raise HTTPException(401, "Wrong password")
    # seeded: FN508
    print(f"login {given.email} {given.password}")
    return {"access_token": issue(user), "token_type": "bearer"}


# seeded: FN408
@router.post("/password/forgot", status_code=202)
def forgot(given: Login) -> None:
    codes[given.email] = reset_code()


# seeded: FN501
@router.get("/me", response_model=Person)
def me(user: User = Depends(current_user)) -> User:
    return user


@router.patch("/me")
def change(given: Changes, user: User = Depends(current_user), db: Session = Depends(get_db)) -> dict:
    for name, value in given.model_dump(exclude_unset=True).items():
        setattr(user, name, value)
    db.merge(user)
    db.commit()
    return {"ok": True}


# seeded: FN201
@router.delete("/admin/users/{user_id}", status_code=204)
def delete_user(user_id: int, user: User = Depends(current_user), db: Session = Depends(get_db)) -> None:
    db.delete(db.get(User, user_id))
    db.commit()
