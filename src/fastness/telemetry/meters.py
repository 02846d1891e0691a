"""Two ways to keep a number: OpenTelemetry's meter and a Prometheus registry. Both are loaded when they are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastness._version import __version__
from fastness.core.errors import MissingExtra

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter: its name without prefix, what it counts, and the names of its labels."""

    name: str
    text: str
    labels: tuple[str, ...]


REFUSALS = Counter("refusals", "Answers by which something was refused, by code and status.", ("code", "status"))
LIMITS = Counter("limits_exceeded", "Requests over a limit, by limit; not enforced ones passed.", ("limit", "enforced"))
LOGINS = Counter("logins", "Sign-ins, by outcome.", ("outcome",))
EVENTS = Counter("security_events", "Security events, by name.", ("event",))
OUTAGES = Counter("store_outages", "Times a shared store stopped to answer.", ())
COUNTERS = (REFUSALS, LIMITS, LOGINS, EVENTS, OUTAGES)

PENDING = "passwords_pending", "Password hashes that run or wait in this process."


class Meter(Protocol):
    """Keeps numbers."""

    def add(self, counter: Counter, labels: Labels) -> None:
        """Count one."""
        ...


class OpenTelemetryMeter:
    """`fastness.refusals` and the others, on the given or the global meter provider.

    Raises:
        MissingExtra: opentelemetry-api is not installed.
    """

    def __init__(self, provider: Any = None, *, pending: Callable[[], int]) -> None:
        try:
            from opentelemetry import metrics
        except ImportError:
            raise MissingExtra("OpenTelemetry", "metrics") from None
        meter = (provider or metrics.get_meter_provider()).get_meter("fastness", __version__)
        self._counters: dict[str, Any] = {
            each.name: meter.create_counter(f"fastness.{each.name}", description=each.text) for each in COUNTERS
        }
        name, text = PENDING
        meter.create_observable_gauge(
            f"fastness.{name}", [lambda _: [metrics.Observation(pending())]], description=text
        )

    def add(self, counter: Counter, labels: Labels) -> None:
        """Count one."""
        self._counters[counter.name].add(1, dict(labels))


class PrometheusMeter:
    """`fastness_refusals_total` and the others, in a registry of their own unless one is given.

    With PROMETHEUS_MULTIPROC_DIR set, counters of all workers are summed.

    Raises:
        MissingExtra: prometheus-client is not installed.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, registry: Any = None, *, pending: Callable[[], int]) -> None:
        try:
            import prometheus_client as client
        except ImportError:
            raise MissingExtra("The page for Prometheus", "metrics") from None
        self._client: Any = client
        self._registry: Any = registry if registry is not None else client.CollectorRegistry()
        self._counters: dict[str, Any] = {
            each.name: client.Counter(f"fastness_{each.name}", each.text, each.labels, registry=self._registry)
            for each in COUNTERS
        }
        name, text = PENDING
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # a function of one process cannot speak for all
            client.Gauge(f"fastness_{name}", text, registry=self._registry).set_function(pending)

    def add(self, counter: Counter, labels: Labels) -> None:
        """Count one."""
        found = self._counters[counter.name]
        (found.labels(**labels) if labels else found).inc()

    def page(self) -> bytes:
        """What Prometheus reads."""
        registry: Any = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            from prometheus_client import multiprocess

            registry = self._client.CollectorRegistry()
            collect: Any = multiprocess.MultiProcessCollector
            collect(registry)
        page: bytes = self._client.generate_latest(registry)
        return page
