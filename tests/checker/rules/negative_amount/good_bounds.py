from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field, PositiveInt, field_validator

from shop.accounts import current_user, move
from shop.products import store

app = FastAPI(dependencies=[Depends(current_user)])


class Product(BaseModel):
    price: float = Field(ge=0)
    quantity: PositiveInt
    amount: int

    @field_validator("amount")
    @classmethod
    def positive(cls, value: int) -> int:
        if value < 1:
            raise ValueError("positive")
        return value


class Transfer(BaseModel):
    amount: int


class Filters(BaseModel):
    price: float


class Priced(BaseModel):
    """An answer."""

    price: float


@app.post("/products")
def add(product: Product) -> Priced:
    store(product)
    return Priced(price=product.price)


@app.post("/transfer")
def transfer(given: Transfer) -> None:
    if given.amount <= 0:
        raise HTTPException(400)
    move(given.amount)


@app.get("/products")
def listed(price: float = 0) -> list:
    return []
