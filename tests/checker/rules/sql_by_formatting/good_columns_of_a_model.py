import sqlite3

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])


class Changes(BaseModel):
    name: str | None = None
    colour: str | None = None


@app.patch("/items/{number}")
def change(number: int, changes: Changes) -> None:
    """Column names come from the model, values are bound."""
    columns, values = [], []
    for column, value in changes.model_dump(exclude_unset=True).items():
        columns.append(f"{column} = ?")
        values.append(value)
    connection = sqlite3.connect("shop.db")
    connection.execute(f"UPDATE items SET {', '.join(columns)} WHERE id = ?", (*values, number))
