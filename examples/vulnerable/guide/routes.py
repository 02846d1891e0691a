from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.security import OAuth2PasswordRequestForm
from jose import JWTError, jwt
from slowapi import Limiter
from slowapi.util import get_remote_address
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from .database import User, delete_user, find_by_email, get_session
from .jwt import ALGORITHM, SECRET_KEY, create_access_token, get_current_user, pwd_context, require_role
from .schemas import UserCreateRequest

router = APIRouter()
limiter = Limiter(key_func=get_remote_address)


def get_user_id(request: Request) -> str:
    # Extract user ID from JWT for per-user limiting
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
        return payload.get("sub", get_remote_address(request))
    except JWTError:
        return get_remote_address(request)


user_limiter = Limiter(key_func=get_user_id)


# seeded: FN502
@router.get("/profile")
async def get_profile(current_user: User = Depends(get_current_user)):
    return current_user


@router.delete("/account")
async def delete_account(current_user: User = Depends(get_current_user)):
    await delete_user(current_user.id)
    return {"message": "Account deleted"}


@router.delete("/users/{user_id}")
async def delete_user_admin(user_id: str, admin: User = Depends(require_role("admin", "super_admin"))):
    await delete_user(user_id)


# seeded: FN408
@router.post("/auth/register", status_code=201)
async def register(given: UserCreateRequest, session: Session = Depends(get_session)):
    if find_by_email(session, given.email):
        raise HTTPException(400, "Email already registered")
    user = User(
        email=given.email, name=given.name, role=given.role, hashed_password=pwd_context.hash(given.password)
    )
    session.add(user)
    session.commit()
    return {"id": user.id}


@router.get("/users")
async def list_users(
    page: int = Query(default=1, ge=1),
    limit: int = Query(default=20, ge=1, le=100),
    search: str = Query(default=None, max_length=100),
    session: Session = Depends(get_session),
):
    stmt = select(User).where(User.name.ilike(f"%{search}%")).limit(limit).offset((page - 1) * limit)
    return [{"id": user.id, "name": user.name} for user in session.scalars(stmt)]


@router.get("/users/by-email")
async def user_by_email(email: str, session: Session = Depends(get_session), admin: User = Depends(require_role("admin"))):
    # seeded: FN301
    stmt = text(f"SELECT id, name FROM users WHERE email = '{email}'")
    return [dict(row) for row in session.execute(stmt)]


@router.post("/auth/login")
@limiter.limit("5/minute")
async def login(request: Request, form_data: OAuth2PasswordRequestForm = Depends(), session: Session = Depends(get_session)):
    user = find_by_email(session, form_data.username)
    if user is None or not pwd_context.verify(form_data.password, user.hashed_password):
        raise HTTPException(401, "Incorrect email or password")
    return {"access_token": create_access_token({"sub": str(user.id)}), "token_type": "bearer"}


@router.post("/ai/generate")
@user_limiter.limit("10/hour")
async def generate(request: Request, current_user: User = Depends(get_current_user)):
    return {"text": "..."}
