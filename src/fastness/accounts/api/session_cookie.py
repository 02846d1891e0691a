"""The cookies of a signed-in browser: its session, and the token that makes the device known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response

from fastness.accounts.api.flow_cookie import read
from fastness.accounts.api.shapes import BrowserAnswer
from fastness.accounts.flows.issue import SignedInBrowser
from fastness.accounts.wiring import TheService
from fastness.controls.cookies import SessionCookie
from fastness.controls.csrf import csrf_token
from fastness.core.errors import Refused
from fastness.core.exchange import of
from fastness.core.principal import Principal

DEVICE = "__Host-device"
_DAY = 86_400

Mode = Annotated[
    Literal["token", "cookie"], Query(description="cookie: the session is kept in a cookie that no script reads.")
]


class NotAvailable(Refused):
    """This application has no cookie sessions of accounts."""

    code, public = "not_available", "Cookie sessions are not available. Leave out mode."


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser on the other side: what it sent in cookies, and what it gets to keep."""

    request: Request
    response: Response
    cookie: SessionCookie | None
    device_token: str | None
    device_days: int

    @property
    def signed_in(self) -> Principal | None:
        """Whom the session cookie of this request speaks for."""
        exchange = of(self.request.scope)
        return exchange.principal if exchange is not None and exchange.cookie is not None else None

    def presented(self) -> str | None:
        """The session cookie of this request, whatever it is worth.

        Raises:
            NotAvailable: there are no cookie sessions here.
            RepeatedSessionCookie: there are several in the request.
        """
        exchange = of(self.request.scope)
        value = self.available().read(exchange) if exchange is not None else None
        return None if value is None else value.decode("latin-1")

    def available(self) -> SessionCookie:
        """The writer of the cookie.

        Raises:
            NotAvailable: there are no cookie sessions here.
        """
        if self.cookie is None:
            raise NotAvailable
        return self.cookie

    def keep(self, done: SignedInBrowser) -> BrowserAnswer:
        """Give it the session cookie, and the device token when there is one."""
        self.available().set(self.response, done.cookie, to=self.request, max_age=done.max_age)
        if done.device_token is not None:
            # As `__Host-flow`: browsers take it from http://localhost too, and nobody else can plant it.
            life = self.device_days * _DAY
            self.response.set_cookie(
                DEVICE, done.device_token, max_age=life, path="/", secure=True, httponly=True, samesite="strict"
            )
        return BrowserAnswer(expires_in=done.max_age, csrf_token=csrf_token(self.request, session=done.session_id))

    def forget(self, answer: Response) -> Response:
        """Take everything of the session away from it (ASVS 14.3.1)."""
        if self.cookie is not None:
            self.cookie.clear(answer, to=self.request)
        else:
            answer.headers["clear-site-data"] = '"cache","cookies","storage"'
        return answer


async def _browser(request: Request, response: Response, service: TheService) -> Browser:
    device = read(request, DEVICE)
    return Browser(request, response, service.cookie, device, service.settings.accounts.device_days)


TheBrowser = Annotated[Browser, Depends(_browser)]
