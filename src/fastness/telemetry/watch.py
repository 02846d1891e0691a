"""Counts refusals and events as they pass, and writes on the span of the request what was refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI

from fastness.core.errors import Refused
from fastness.core.events import Event, EventType, Sink
from fastness.core.exchange import Exchange, Header
from fastness.telemetry import meters
from fastness.telemetry.meters import Counter, Meter, OpenTelemetryMeter, PrometheusMeter
from fastness.telemetry.page import add_page
from fastness.telemetry.settings import TelemetrySettings

Renderer = Callable[[Exchange | None, Refused], tuple[int, list[Header], bytes]]
"""Turns a refusal into status, headers and body."""

_OUTCOMES = {
    EventType.AUTHN_LOGIN_SUCCESS: "success",
    EventType.AUTHN_LOGIN_FAIL: "fail",
    EventType.AUTHN_LOGIN_FAIL_MAX: "fail_max",
}
_MOST_SERIES = 1_000
_LONGEST = 80


class Telemetry:
    """What `secure(app, telemetry=...)` takes: settings, and where they are not the usual ones, provider and registry."""

    def __init__(self, settings: TelemetrySettings, *, meter_provider: Any = None, registry: Any = None) -> None:
        """`meter_provider` of OpenTelemetry, the global one unless given; `registry` of prometheus-client.

        Raises:
            MissingExtra: a package that the settings need is not installed.
        """
        self.settings, self.problems = settings, settings.problems
        self._page = PrometheusMeter(registry, pending=_pending) if settings.metrics_path else None
        found: list[Meter] = [] if self._page is None else [self._page]
        if settings.opentelemetry:
            found.append(OpenTelemetryMeter(meter_provider, pending=_pending))
        self._meters: Sequence[Meter] = found
        self._span = _current_span() if settings.opentelemetry else None
        self._known: set[tuple[str, ...]] = set()

    def sink(self, inner: Sink) -> Sink:
        """The same sink, with every event counted on its way."""

        def telling(event: Event) -> None:
            self._event(event)
            inner(event)

        return telling

    def answer(self, inner: Renderer) -> Renderer:
        """The same renderer of refusals, with each of them counted."""

        def answering(exchange: Exchange | None, refused: Refused) -> tuple[int, list[Header], bytes]:
            self._refusal(exchange, refused)
            return inner(exchange, refused)

        return answering

    def serve(self, app: FastAPI) -> None:
        """Add the page for Prometheus, for whoever knows the token."""
        if self._page is not None:
            add_page(app, self.settings.metrics_path, self._page, token=self.settings.metrics_token.get_secret_value())

    def _event(self, event: Event) -> None:
        kind = event.type
        self._add(meters.EVENTS, event=str(kind))
        if kind in _OUTCOMES:
            self._add(meters.LOGINS, outcome=_OUTCOMES[kind])
        elif kind is EventType.SYS_STORE_DOWN:
            self._add(meters.OUTAGES)
        elif kind is EventType.EXCESS_RATE_LIMIT_EXCEEDED and event.details.get("enforced") is False:
            self._add(meters.LIMITS, limit=event.reason, enforced="false")
        if self._span is not None:
            span = self._span()
            if span.is_recording():
                span.add_event(f"fastness.{kind}")

    def _refusal(self, exchange: Exchange | None, refused: Refused) -> None:
        self._add(meters.REFUSALS, code=refused.code, status=str(refused.status))
        if refused.code == "rate_limited":
            self._add(meters.LIMITS, limit=refused.reason, enforced="true")
        if self._span is None:
            return
        span = self._span()
        if span.is_recording():
            span.set_attribute("fastness.refusal.code", refused.code)
            rule = exchange.rule if exchange is not None else None
            if rule is not None:  # refused before FastAPI had chosen the route, which names it on other spans
                span.set_attribute("http.route", rule.path)

    def _add(self, counter: Counter, **labels: str) -> None:
        series = (counter.name, *(value[:_LONGEST] for value in labels.values()))
        if series not in self._known:
            # Codes, limits and names come from source text; should one ever not, it cannot fill the memory.
            if len(self._known) >= _MOST_SERIES:
                series = (counter.name, *("other" for _ in labels))
            self._known.add(series)
        shown = dict(zip(labels, series[1:], strict=True))
        for meter in self._meters:
            meter.add(counter, shown)


def _pending() -> int:
    # Only if something hashes here: the module is not loaded for the sake of a zero.
    pool: Any = sys.modules.get("fastness.controls.passwords.pool")
    return sum(each.taken for each in list(pool.alive)) if pool is not None else 0


def _current_span() -> Callable[[], Any]:
    from opentelemetry import trace

    return trace.get_current_span
