from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field

from shop.accounts import current_user
from shop.products import store

app = FastAPI(dependencies=[Depends(current_user)])


class Priced(BaseModel):
    price: float = Field(le=10_000)


class Product(Priced):
    name: str


@app.post("/products")
def add(product: Product) -> None:
    store(product)
