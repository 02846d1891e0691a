"""One question for each control. The answer is what was seen; `Wrong` when it is not what the control promises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastness.proven import probe
from fastness.proven.driver import Reply, Visitor

if TYPE_CHECKING:
    from fastness.chain import Secured
    from fastness.rules import Rule

_EVIL = "https://evil.example"
_CLOSED = {401, 403, 302, 303, 307}
"""Refused, or sent to sign in."""
_UNJUDGED = 422
_SMALL = 4 * 2**20
"""Bytes of the largest body that is really sent."""


class Wrong(Exception):
    """The control did not do what it promises; the text says what was seen instead."""


class Untried(Exception):
    """The question makes no sense here; the text says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A running application, and where our probe stands in it."""

    app: Any
    secured: Secured
    visitor: Visitor
    path: str
    own: Sequence[Rule]
    """The application's own routes that need a caller."""
    heard: Sequence[str]
    """Lines of the security log so far."""

    async def ask(self, method: str, path: str, **how: Any) -> Reply:
        """Ask one of the probe's routes."""
        return await self.visitor.ask(method, self.path + path, **how)

    @property
    def callers(self) -> bool:
        """Whether anybody can sign in."""
        return self.secured.tokens is not None or "tokens" not in self.secured.on

    def observes(self, name: str) -> bool:
        """Whether the control only reports."""
        return name in self.secured.observing


def known_host(secured: Secured) -> str:
    """A host that the application should answer for, as far as its control and its settings say."""
    named = [*_allowed(secured), urlsplit(secured.settings.public_url).netloc]
    host = next((name for name in named if name and name != "*"), "localhost")
    return host.replace("*.", "doctor.", 1)


async def headers(scene: Scene) -> str:
    """They are on answers of every kind, whoever wrote them."""
    asked = {
        200: await scene.ask("GET", "/open"),
        401: await scene.ask("GET", "/refused"),
        404: await scene.ask("GET", "/nowhere"),
        422: await scene.ask("POST", "/form", headers={"content-type": "application/json"}, body=[b"{}"]),
        500: await scene.ask("GET", "/fails"),
    }
    policy = "content-security-policy" + ("-report-only" if scene.observes("headers") else "")
    for expected, reply in asked.items():
        expect(reply, expected)
        for name in (policy, "x-content-type-options"):
            if name not in reply.headers:
                raise Wrong(f"the {expected} has no {name}")
    what = "Content-Security-Policy only reports" if scene.observes("headers") else "complete"
    return f"{what} on {', '.join(map(str, asked))}"


async def request_id(scene: Scene) -> str:
    """Each answer has its own."""
    ids = {(await scene.ask("GET", path)).headers.get("x-request-id", "") for path in ("/open", "/nowhere", "/fails")}
    if "" in ids or len(ids) != 3:  # noqa: PLR2004 - one for each path
        raise Wrong("an answer has no X-Request-ID, or two share one")
    return "a new one on each answer, errors too"


async def hosts(scene: Scene) -> str:
    """Only hosts of this service are answered."""
    expect(await scene.ask("GET", "/open"), 200)
    if "*" in _allowed(scene.secured):
        return "every host is allowed, as configured"
    expect(await scene.ask("GET", "/open", headers={"host": "evil.example"}), 400, "bad_host")
    return f"{scene.visitor.host} is answered, a foreign Host is 400"


async def oddities(scene: Scene) -> str:
    """No method that echoes, no path that two parsers read differently."""
    expect(await scene.ask("TRACE", "/open"), 405)
    expect(await scene.ask("GET", "/x/%2e%2e/open"), 400)
    return "TRACE is 405, a path with hidden dots 400"


async def cors(scene: Scene) -> str:
    """A stranger's page reads nothing; ours does."""
    preflight = {"access-control-request-method": "GET"}
    for method, more in (("GET", {}), ("OPTIONS", preflight)):
        reply = await scene.ask(method, "/open", headers={"origin": _EVIL, **more})
        allowed = reply.headers.get("access-control-allow-origin", "")
        if allowed == _EVIL or (allowed and "access-control-allow-credentials" in reply.headers):
            raise Wrong(f"a page of {_EVIL} may read answers")
    named = [origin for origin in getattr(scene.secured.controls.get("cors"), "origins", ()) if origin != "*"]
    for origin in named:
        reply = await scene.ask("GET", "/fails", headers={"origin": origin})
        if reply.headers.get("access-control-allow-origin") not in {origin, "*"}:
            raise Wrong(f"a page of {origin} cannot read a 500, though it is allowed")
    return "a stranger's page reads nothing" + (f"; that of {', '.join(named)} does, errors too" if named else "")


async def problems(scene: Scene) -> str:
    """A crash and bad input come back as a code, without what was inside."""
    bad = f'{{"password": "{probe.CANARY}", "age": "{probe.CANARY}"}}'.encode()
    crash = await scene.ask("GET", "/fails", headers={"accept": "text/html"})
    wrong = await scene.ask("POST", "/form", headers={"content-type": "application/json"}, body=[bad])
    for reply, status in ((crash, 500), (wrong, 422)):
        expect(reply, status)
        if probe.CANARY.encode() in reply.body:
            raise Wrong(f"the {status} tells what was inside")
    return "a crash and bad input tell nothing of what was inside"


async def body(scene: Scene) -> str:
    """A body has a limit, announced or not."""
    most = getattr(scene.secured.controls.get("body"), "max_bytes", scene.secured.settings.body.max_bytes)
    expect(await scene.ask("POST", "/body", headers={"content-length": str(2**50)}), 413)
    if most > _SMALL:
        return "a body that announces too much is 413; too large to try one that does not"
    expect(await scene.ask("POST", "/body", body=[b"x" * most, b"x"]), 413)
    return f"{most + 1} bytes are 413, announced or not"


async def limits(scene: Scene) -> str:
    """Two an hour are two."""
    statuses = [(await scene.ask("GET", "/limited", address="192.0.2.251")).status for _ in range(3)]
    if scene.observes("limits"):
        if statuses != [200, 200, 200]:
            raise Wrong(f"three requests got {statuses}, though limits only observe")
        return "the third of two an hour is reported and passes"
    if statuses != [200, 200, 429]:
        raise Wrong(f"three requests to a route with two an hour got {statuses}")
    return "the third of two an hour is 429"


async def proxies(scene: Scene) -> str:
    """A header from a stranger is no address."""
    if scene.observes("limits") or "limits" in scene.secured.off:
        raise Untried("only a limit that refuses would show it")
    spoofed = [{"x-forwarded-for": f"198.51.100.{n}", "x-real-ip": f"198.51.100.{n}"} for n in range(3)]
    replies = [await scene.ask("GET", "/limited", headers=each, address="192.0.2.252") for each in spoofed]
    if [reply.status for reply in replies] != [200, 200, 429]:
        raise Wrong("a forwarded address of a stranger opens a limit again")
    return "a forwarded address that a stranger writes changes nothing"


async def access(scene: Scene) -> str:
    """Nobody is nobody: on our route, and on each of the application's that can be asked without doing harm."""
    if not scene.callers:
        raise Untried("nobody can sign in: there is no secret, and no route needs one")
    reply = await scene.ask("GET", "/me")
    expect(reply, 401)
    if "www-authenticate" not in reply.headers:
        raise Wrong("the 401 has no challenge")
    asked = 0
    for rule in scene.own:
        if rule.route.kind == "http" and "{" not in rule.path and "GET" in (rule.methods or ()):
            status = (await scene.visitor.ask("GET", rule.path)).status
            if status == _UNJUDGED:
                continue  # an access dependency of the application's own that asks for a parameter first
            asked += 1
            if status not in _CLOSED:
                raise Wrong(f"GET {rule.path} needs a caller and answers {status} without one")
    rest = len(scene.own) - asked
    own = f", and on {asked} protected GET routes of the application" if asked else ""
    return f"401 without credentials{own}" + (f"; {rest} others were not tried" if rest else "")


async def tokens(scene: Scene) -> str:
    """A good token opens, a forged one does not."""
    if not scene.callers:
        raise Untried("there is no secret, and no route needs one")
    issuer = scene.secured.tokens
    forged = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhZGEifQ."
    expect(await scene.ask("GET", "/me", headers={"authorization": f"Bearer {forged}"}), 401)
    if issuer is None:
        return "a forged token is 401; tokens are issued elsewhere, so no good one was tried"
    good = issuer.issue("fastness-doctor", lifetime=60)
    expect(await scene.ask("GET", "/me", headers={"authorization": f"Bearer {good}"}), 200)
    expect(await scene.ask("GET", "/me", headers={"authorization": f"Bearer {good[:-4]}AAAA"}), 401)
    return "a good token opens; one that is forged or changed is 401"


async def deny_by_default(scene: Scene) -> str:
    """A route that nobody declared stays closed, also when it comes after the start."""
    probe.add_undeclared(scene.app, scene.path)
    reply = await scene.ask("GET", "/forgotten")
    if scene.observes("undeclared routes"):
        expect(reply, 200)
        return "a route that nobody declared is served"
    expect(reply, 403, "undeclared_route")
    return "a route that nobody declared is 403, also after the start"


async def security_events(scene: Scene) -> str:
    """What happened until now was told, one JSON line for each event, without what was inside."""
    if not scene.heard:
        raise Untried("events go to a sink of the application's own")
    found = [json.loads(line) for line in scene.heard]
    if probe.CANARY in "".join(scene.heard):
        raise Wrong("an event tells what was inside a crash or bad input")
    names = {str(event.get("event")) for event in found}
    if "sys_crash" not in names:
        raise Wrong("the crash was not told")
    return f"{len(found)} events of {len(names)} kinds told, one JSON line each"


def _allowed(secured: Secured) -> Sequence[str]:
    return getattr(secured.controls.get("hosts"), "allowed", secured.settings.hosts.allowed)


def expect(reply: Reply, status: int, code: str = "") -> None:
    """Raise `Wrong` unless the reply has this status, and this code where it is a problem."""
    if reply.status != status or (code and reply.code not in {code, ""}):
        raise Wrong(f"{reply.status} {reply.code} in place of {status} {code}".replace("  ", " ").strip())
