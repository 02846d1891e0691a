from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import current_user

router = APIRouter(dependencies=[Depends(current_user)])


class Rule(BaseModel):
    expression: str


def evaluate(expression: str) -> bool:
    return eval(expression, {"__builtins__": {}})


@router.post("/rules")
def add(rule: Rule) -> bool:
    return evaluate(rule.expression)


app = FastAPI()
app.include_router(router)
