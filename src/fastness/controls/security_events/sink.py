"""The sink: an event becomes one line, unless its like has flooded this minute already."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from fastness.controls.security_events.redaction import clean, redacted
from fastness.controls.security_events.request import Asked
from fastness.core.clock import Clock, wall
from fastness.core.declare import provides
from fastness.core.events import Event, Level, Sink
from fastness.core.exchange import Exchange, asked

_log = logging.getLogger("fastness.events")
_LEVELS = {Level.INFO: logging.INFO, Level.WARN: logging.WARNING, Level.CRITICAL: logging.CRITICAL}
_MINUTE, _KINDS = 60.0, 256


class SecurityEventSettings(BaseModel, frozen=True):
    """FASTNESS_SECURITY_EVENTS__*"""

    appid: str = Field(default="fastness", max_length=64, description="Names this application in a shared log.")
    per_minute: int = Field(
        default=60,
        ge=1,
        description="Lines a minute of one event, reason and address; what comes above is counted and summed up.",
    )


@provides("security_events")
class SecurityEvents:
    """Takes events and writes them to the logger `fastness.events`, or to stderr when no logging is set up."""

    def __init__(self, settings: SecurityEventSettings | None = None, *, now: Clock = wall) -> None:
        self._settings, self._now = settings or SecurityEventSettings(), now
        self.sinks: list[Sink] = []
        """Get every event too, whether the log does or not."""
        self._minute = 0.0
        self._seen: dict[tuple[str, str, str], int] = {}
        if _log.level == logging.NOTSET:
            _log.setLevel(logging.INFO)  # a root logger at WARNING would drop every successful sign-in

    def __call__(self, event: Event) -> None:
        """Write `event`. Never raises: a log that fails must not fail the request."""
        try:
            self._take(event)
        except Exception as error:  # noqa: BLE001 - see the docstring
            about = {"event": "sys_monitor_disabled", "reason": f"event not written: {type(error).__name__}"}
            with contextlib.suppress(Exception):  # the log itself may be what is broken
                _write(Level.WARN, about)
        for sink in self.sinks:
            sink(event)

    def flush(self) -> None:
        """Write what has been held back in this minute, as one line for each kind."""
        held = [(key, count - self._settings.per_minute) for key, count in self._seen.items()]
        self._seen = {}
        for (event, reason, source), more in held:
            if more > 0:
                about = {"event": event, "reason": clean(reason), "source_ip": clean(source) or None, "held_back": more}
                _write(Level.WARN, {**self._always(Level.WARN), **about})

    def _take(self, event: Event) -> None:
        exchange = asked()
        now = self._now()
        if not 0 <= now - self._minute < _MINUTE:
            self._minute = now
            self.flush()
        key = (str(event.type), event.reason[:_KINDS], exchange.client_key if exchange else "")
        if key not in self._seen and len(self._seen) >= _KINDS:
            key = (str(event.type), "", "")  # many addresses at once share one count
        count = self._seen[key] = self._seen.get(key, 0) + 1
        if count > self._settings.per_minute:
            return
        record = {
            **self._always(event.level),
            **_request(exchange),
            "event": str(event.type),
            "reason": clean(event.reason) or None,
            "who": clean(event.who) if event.who else None,
            "details": redacted(event.details) or None,
        }
        if count == self._settings.per_minute:
            record["note"] = "more of this kind are held back until the minute is over"
        _write(event.level, record)

    def _always(self, level: Level) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        return {"appid": clean(self._settings.appid), "datetime": stamp, "level": str(level)}


def _request(exchange: Exchange | None) -> dict[str, Any]:
    if exchange is None:
        return {}
    asked = Asked.of(exchange)
    return {
        "request_id": clean(asked.request_id) or None,
        "request_method": clean(asked.method),
        "route": clean(asked.route),
        "source_ip": clean(asked.address),
        "useragent": clean(asked.agent) or None,
    }


def _write(level: Level, record: Mapping[str, Any]) -> None:
    line = json.dumps({k: v for k, v in record.items() if v is not None}, sort_keys=True, allow_nan=False)
    number = _LEVELS[level]
    if _log.hasHandlers():
        _log.log(number, "%s", line)
    elif _log.isEnabledFor(number):
        # logging's last resort would drop everything below WARNING.
        sys.stderr.write(line + "\n")
