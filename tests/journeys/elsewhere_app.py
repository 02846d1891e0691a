"""An application whose callers sign in at another server, for the Authorize button of its documentation."""

from __future__ import annotations

import os

from fastapi import Depends, FastAPI
from fastapi.security import OAuth2AuthorizationCodeBearer

from fastness import Settings, public, secure
from fastness.controls.docs import DocSettings

server = os.environ["TEST_ELSEWHERE"]
scheme = OAuth2AuthorizationCodeBearer(f"{server}/authorize", f"{server}/token")
app = FastAPI()
secure(app, Settings(environment="development", docs=DocSettings(connect=(server,))))


@app.get("/door", dependencies=[Depends(scheme)])
@public("the page is what is tested")
async def door() -> str:
    return "open"
