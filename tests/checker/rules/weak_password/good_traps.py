from typing import Annotated

from annotated_types import MinLen
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, constr, field_validator

app = FastAPI()
SHORTEST = 12


def _strong(value: str) -> str:
    if len(value) < SHORTEST:
        raise ValueError
    return value


Password = Annotated[str, Field(min_length=8, max_length=128)]
Other = Annotated[str, StringConstraints(min_length=12)]
Strong = Annotated[str, AfterValidator(_strong)]


class Login(BaseModel):
    email: str
    password: str


class ByAlias(BaseModel):
    password: Password


class ByOther(BaseModel):
    password: Other


class ByFunction(BaseModel):
    password: Strong


class ByConstr(BaseModel):
    password: constr(min_length=10)


class ByMetadata(BaseModel):
    password: Annotated[str, MinLen(10)]


class ByValidator(BaseModel):
    password: str
    confirm_password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        return _strong(value)


class ByPattern(BaseModel):
    password: str = Field(pattern=r"^[\x20-\x7e]{10,100}$")


class InHandler(BaseModel):
    password: str


def validate_password_strength(password: str) -> None:
    raise HTTPException(400)


@app.post("/login")
async def login(given: Login) -> dict:
    return {"email": given.email}


@app.post("/token")
async def token(form: OAuth2PasswordRequestForm = Depends()) -> dict:
    return {"user": form.username}


@app.post("/register/1")
async def register_1(given: ByAlias) -> None: ...


@app.post("/register/2")
async def register_2(given: ByOther) -> None: ...


@app.post("/register/3")
async def register_3(given: ByFunction) -> None: ...


@app.post("/register/4")
async def register_4(given: ByConstr) -> None: ...


@app.post("/register/5")
async def register_5(given: ByMetadata) -> None: ...


@app.post("/register/6")
async def register_6(given: ByValidator) -> None: ...


@app.post("/register/7")
async def register_7(given: ByPattern) -> None: ...


@app.post("/register/8")
async def register_8(given: InHandler) -> None:
    validate_password_strength(given.password)


@app.post("/register/9")
async def register_9(given: InHandler) -> None:
    if len(given.password) < 10:
        raise HTTPException(400)
