"""Face 1's one call: the settings of every control, the order of the chain (written once), and `secure(app)`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware

from fastness.browser import Browser
from fastness.contract import describe
from fastness.controls.access import Authenticator
from fastness.controls.apikeys import ApiKeys, ApiKeyStore
from fastness.controls.body import Body, BodySettings
from fastness.controls.cookies import CookieSession, CookieVerify
from fastness.controls.cors import Cors, CorsSettings
from fastness.controls.csrf import Csrf, CsrfSettings
from fastness.controls.docs import Docs, DocSettings
from fastness.controls.headers import Headers, HeaderSettings
from fastness.controls.hosts import Hosts, HostSettings
from fastness.controls.limits import AddressLimits, LimitSettings, UserLimits
from fastness.controls.oddities import Oddities, OdditySettings
from fastness.controls.problems import Problems, ProblemSettings
from fastness.controls.proxies import Proxies, ProxySettings
from fastness.controls.request_id import RequestId, RequestIdSettings
from fastness.controls.secrets import read
from fastness.controls.security_events import SecurityEvents, SecurityEventSettings
from fastness.controls.tokens import Tokens
from fastness.controls.websockets import WebSockets, WebSocketSettings
from fastness.core.asgi import log_crash
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, EventType, Level, Sink
from fastness.core.exchange import App, Element, Pipeline
from fastness.core.store import CounterStore
from fastness.direct import Direct
from fastness.identity import Identity
from fastness.parts import Parts, listed
from fastness.rules import Gate, Rules, chain_of
from fastness.secured import Secured
from fastness.settings import Settings, unsafe
from fastness.shortcut import Shortcuts
from fastness.start import Hook, Start, Unsafe
from fastness.telemetry import Telemetry, TelemetrySettings

__all__ = ["Secured", "Settings", "secure"]


def secure(
    app: FastAPI,
    settings: Settings | None = None,
    *,
    access: Iterable[Callable[..., Any]] = (),
    public: Mapping[str, str] | None = None,
    roles: Mapping[str, Iterable[str]] | None = None,
    tokens: Tokens | Literal[False] | None = None,
    authenticators: Sequence[Authenticator] = (),
    apikeys: ApiKeys | ApiKeyStore | Literal[False] | None = None,
    cookies: CookieSession | CookieVerify | bool | None = None,
    csrf: Csrf | CsrfSettings | Literal[False] | None = None,
    token_url: str | None = None,
    store: CounterStore | None = None,
    on_start: Sequence[Hook] = (),
    on_stop: Sequence[Hook] = (),
    headers: Headers | HeaderSettings | Literal[False] | None = None,
    request_id: RequestId | RequestIdSettings | Literal[False] | None = None,
    proxies: Proxies | ProxySettings | Sequence[str] | Literal[False] | None = None,
    cors: Cors | CorsSettings | Sequence[str] | Literal[False] | None = None,
    problems: Problems | ProblemSettings | Literal[False] | None = None,
    hosts: Hosts | HostSettings | Sequence[str] | Literal[False] | None = None,
    oddities: Oddities | OdditySettings | Literal[False] | None = None,
    body: Body | BodySettings | Literal[False] | None = None,
    limits: LimitSettings | Literal[False] | None = None,
    websockets: WebSockets | WebSocketSettings | Literal[False] | None = None,
    security_events: SecurityEvents | SecurityEventSettings | Literal[False] | None = None,
    docs: Docs | DocSettings | Literal[False] | None = None,
    telemetry: Telemetry | TelemetrySettings | Literal[False] | None = None,
) -> Secured:
    """Install every control around `app`, in the right order, whether routes are added before or after this call.

    Each control is a keyword: settings or an object replace it, a list is short for origins, hosts or proxy networks,
    and False turns it off, which the start report says. Settings come from the environment (`FASTNESS_*`) unless given.
    Nothing is raised for an unsafe configuration here: the start check stops the server with every problem at once.

    Args:
        access: the application's own dependencies that decide who may call.
        public: path of a mount or of a route that is no API route -> the reason why it is open.
        roles: role -> the permissions it gives.
        tokens: issues and verifies access tokens; made from FASTNESS_SECRET unless given.
        authenticators: what finds the caller, instead of our bearer tokens.
        apikeys: where API keys are kept, which are then accepted beside the other credentials.
        cookies: looks up the session of a browser's cookie; True for our own access tokens in the cookie.
        token_url: where the OAuth2 password grant is, relative, for the Authorize button.
        store: where limits are counted; unless given, Redis where FASTNESS_REDIS_URL is set, else this process's memory.
        on_start: awaited before the application's own lifespan starts. `on_stop`: after it ends.

    Raises:
        ValueError: when it is called twice for one application, or after the application started.
    """
    if hasattr(app.state, "fastness"):
        raise ValueError("secure(app) was called twice, or after Accounts(...).install(app), which calls it")
    if app.middleware_stack is not None:
        raise ValueError("secure(app) was called after the application had started: nothing would be installed")
    unread: list[UnsafeConfiguration] = []
    if settings is None:
        read_settings, unread = read(Settings)
        settings = read_settings or Settings.model_construct()
    parts = Parts(settings, [*unread, *unsafe(app, settings)])
    emit = parts.sink(security_events, telemetry, app)
    ring = parts.ring()
    counted = parts.counters(store, emit)
    proxy = parts.make(
        "proxies", listed(proxies, ProxySettings, "trusted_proxies"), settings.proxies, Proxies, emit=emit
    )
    made: Problems | None = parts.make("problems", problems, settings.problems, Problems, emit=emit)
    writer = parts.writer(made, emit)
    issuer = None if authenticators else parts.tokens(tokens, ring)
    identity = Identity.of(
        authenticators,
        issuer,
        roles=roles or {},
        token_url=token_url,
        on_start=[counted.start, *on_start],
        on_stop=[*on_stop, counted.stop],
    )
    keys = parts.apikeys(apikeys, ring, counters=counted.store, emit=emit)
    if keys is not None:
        identity.first(keys, close=keys.close)  # Bearer takes every bearer credential for a token
    browser = Browser(parts, identity, ring, cookies=cookies, csrf=csrf, issuer=issuer, emit=emit)

    readers, warn_only, direct = parts.docs(docs, app), settings.serves_undeclared, Direct()

    # Turned off, errors are the application's own affair; what our controls refuse still needs an answer.
    install = writer.install if made is not None else writer.install_refusals

    def build() -> Rules:
        rules = Rules(
            app,
            access=access,
            public=public,
            documents=readers == "public",
            limits=limits is not False,
            warn_only=warn_only,
            direct=direct,
        )
        for inner in rules.mounted:
            # Exceptions end in the application that raised them: without our handlers a refusal in it would be a 500.
            if isinstance(inner, Starlette) and chain_of(inner) is None:
                install(inner)
        return rules

    gate = Gate(build, warn_only=warn_only, emit=emit)
    # Names of callers are digests only where others can read the store: it costs five microseconds.
    key = ring.current("limits") if ring is not None and counted.shared else None
    counting = {"store": counted.store, "emit": emit, "key": key}
    sockets = parts.websockets(websockets, cors, ask=lambda each: identity.element().enter(each), **counting)
    # The order of the chain, outermost first.
    chain: list[Element | None] = [
        parts.make("headers", headers, settings.headers, Headers),
        parts.make("request_id", request_id, settings.request_id, RequestId, trusts=getattr(proxy, "trusts", None)),
        proxy,
        parts.make(
            "cors", listed(cors, CorsSettings, "origins"), settings.cors, Cors, emit=emit, sockets=sockets is None
        ),
        parts.make("hosts", listed(hosts, HostSettings, "allowed"), parts.hosts(), Hosts, emit=emit),
        parts.make("oddities", oddities, settings.oddities, Oddities, emit=emit),
        gate,
        parts.make("body", body, settings.body, Body),
        parts.make("limits", limits, settings.limits, AddressLimits, **counting),
        identity.element(),  # behind it, where a cookie can sign in: the check for two callers, then csrf
        sockets,
        parts.make("limits", limits, settings.limits, UserLimits, **counting),
        Shortcuts(direct),
    ]
    secured = Secured(
        settings,
        emit,
        issuer,
        counted.store,
        gate,
        identity,
        browser,
        parts.on,
        parts.off,
        parts.observing,
        parts.found,
        apikeys=keys,
        sockets=sockets,
        controls=parts.made,
        sinks=parts.sinks,
    )
    app.state.fastness = secured
    answer, crashed = writer.answer, writer.crashed if made is not None else log_crash
    original = app.build_middleware_stack

    def build_middleware_stack() -> Start:
        install(app)
        stack = _bare(original(), made)
        direct.learn(app, stack)
        pipeline = Pipeline(stack, browser.around(chain), answer=answer, crashed=crashed)
        closed = Pipeline(_refuse, [e for e in chain[:1] if e is not None], answer=answer, crashed=crashed)
        started = _started(parts)
        start = Start(
            pipeline,
            lifespan=stack,
            check=secured.problems,
            report=secured.report,
            on_start=[*identity.on_start, _telling(emit, started)],
            on_stop=[*identity.on_stop, _telling(emit, Event(EventType.SYS_SHUTDOWN))],
            refuse=closed,
            settled=lambda answering: setattr(app, "middleware_stack", answering),
        )
        pipeline.aside = closed.aside = start
        return start

    # A wrapper around the finished stack is outside ServerErrorMiddleware, so a 500 carries every header too.
    setattr(app, "build_middleware_stack", build_middleware_stack)  # noqa: B010 - an instance's own method, on purpose
    plain = app.openapi

    @functools.cache
    def described() -> Callable[[], dict[str, Any]]:
        # With the first document, when it is known who finds the callers.
        return describe(
            plain,
            lambda: gate.current().all,
            app=app,
            token_url=identity.token_url,
            grants=identity.grants,
            key_header=secured.apikeys.header if secured.apikeys is not None else "",
        )

    setattr(app, "openapi", lambda: described()())  # noqa: B010, PLW0108 - not before the document is asked for
    return secured


def _started(parts: Parts) -> Event:
    details = {"on": ",".join(parts.on), "off": ",".join(parts.off)}
    if parts.observing:
        details["observing"] = ",".join(sorted(parts.observing))
    return Event(EventType.SYS_STARTUP, level=Level.WARN if parts.observing else Level.INFO, details=details)


def _bare(stack: App, problems: Problems | None) -> App:
    # What this middleware would answer with our handler, the pipeline around it answers in the same words.
    if isinstance(stack, ServerErrorMiddleware) and problems is not None and not stack.debug:
        own = getattr(stack.handler, "__self__", None) is problems
        return stack.app if own else stack
    return stack


def _telling(emit: Sink, event: Event) -> Hook:
    async def hook() -> None:
        emit(event)

    return hook


async def _refuse(_scope: Any, _receive: Any, _send: Any) -> None:
    raise Unsafe
