"""What an attack sends and what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """One request. `body` is sent `repeat` times over."""

    method: str
    path: str
    """Percent-encoded, without the query."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    repeat: int = 1

    def __str__(self) -> str:
        target = self.path + (f"?{self.query}" if self.query else "")
        head = "\n".join([f"{self.method} {target}", *(f"{name}: {value}" for name, value in self.headers)])
        body = self.body.decode("utf-8", "replace")
        if self.repeat > 1:
            body = f"({len(self.body) * self.repeat:,} bytes)"
        return f"{head}\n\n{body}".rstrip()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application answered."""

    sent: Sent
    status: int
    """0 where it gave no answer in time."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """The first 512 KB."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Processor seconds of the whole process."""
    raised: str = field(default="", repr=False)
    """The exception that it let out to the server."""
    taken: int = 0
    """How many bytes of the body the application read."""

    @property
    def ok(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of success

    @property
    def refused(self) -> bool:
        """What an application says to strangers: 401, 403, 404 in their place, or a redirect to its sign-in."""
        return self.status in {401, 403, 404, 407} or (300 <= self.status < 400)  # noqa: PLR2004 - redirects

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every header of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        """The body; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def value(self) -> Any:
        """The body as JSON; None where it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def allows(self, origin: str, *, credentials: bool = False) -> bool:
        """Whether a browser would show this answer to a page of `origin`."""
        allowed = self.header("access-control-allow-origin")
        with_cookies = self.header("access-control-allow-credentials") == "true"
        if credentials:
            return allowed == origin and with_cookies
        return allowed in {origin, "*"}

    def __str__(self) -> str:
        head = "\n".join([str(self.status), *(f"{name}: {value}" for name, value in self.headers)])
        return f"{head}\n\n{self.text}".rstrip()
