from decimal import Decimal

from fastapi import APIRouter, Depends, FastAPI, Form
from typing import Annotated

from shop.accounts import current_user, move

router = APIRouter(dependencies=[Depends(current_user)])


@router.post("/transfer")
def transfer(to: Annotated[str, Form()], amount: Annotated[Decimal, Form()]) -> None:
    move(to, amount)


app = FastAPI()
app.include_router(router)
