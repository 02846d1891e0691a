"""Rate limiting. Control: limits.

`5/minute` on sign-in is in `login.py`. Here the count belongs to the verified account: another address, another spelling
of `Bearer` or a forged header makes no new count. The chain counts before the body is read.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from fastness import CurrentUser, limit
from fastness.controls.fields import PlainText, StrictModel

router = APIRouter(prefix="/ai", tags=["ai"])


class Prompt(StrictModel):
    prompt: Annotated[str, PlainText(2_000)]


class Generated(BaseModel):
    text: str


@router.post("/generate", dependencies=[Depends(limit("10/hour", by="user"))])
async def generate(given: Prompt, who: CurrentUser) -> Generated:
    """Stands for something that costs money."""
    return Generated(text=f"{len(given.prompt)} characters from {who.id}")
