"""The page that Prometheus reads."""

# No `from __future__ import annotations`: FastAPI cannot resolve the text annotations of a callable instance.

import hmac

from fastapi import Depends, FastAPI, Request, Response

from fastness.core.declare import provides
from fastness.core.errors import Unauthenticated
from fastness.telemetry.meters import PrometheusMeter


def add_page(app: FastAPI, path: str, meter: PrometheusMeter, *, token: str) -> None:
    """Serve the numbers at `path` to whoever sends `token`; without one, in development, to everybody."""

    async def metrics() -> Response:
        return Response(meter.page(), media_type=meter.content_type)

    app.add_api_route(path, metrics, dependencies=[Depends(ScraperToken(token))], include_in_schema=False)


@provides("access")
class ScraperToken:
    """Lets Prometheus in: it sends a secret of its own, and is nobody's account."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def __call__(self, request: Request) -> None:
        """Let the request pass, or raise Unauthenticated."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._token and (scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token)):
            raise Unauthenticated
