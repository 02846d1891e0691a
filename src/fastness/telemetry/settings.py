"""What is measured, and who may read it."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, SecretStr

from fastness.controls.secrets import weak_secret
from fastness.core.errors import UnsafeConfiguration

_PATH = re.compile(r"/[A-Za-z0-9/_.-]{1,100}")


class TelemetrySettings(BaseModel, frozen=True):
    """FASTNESS_TELEMETRY__*"""

    opentelemetry: bool = Field(
        default=False,
        description="Counters through OpenTelemetry's meter, and what was refused on FastAPI's own spans. Needs a "
        "provider, as FastAPI's telemetry does.",
    )
    metrics_path: str = Field(
        default="", description="Where Prometheus reads, such as `/metrics`; empty: nowhere. Needs the metrics extra."
    )
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="What Prometheus sends as `Authorization: Bearer`, at least 32 bytes (`fastness secret` makes one).",
    )

    @property
    def on(self) -> bool:
        """Whether anything is measured."""
        return self.opentelemetry or bool(self.metrics_path)

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """A page that anybody could read, or that has no address."""
        found: list[UnsafeConfiguration] = []
        if not self.metrics_path:
            return found
        if not _PATH.fullmatch(self.metrics_path):
            found.append(
                UnsafeConfiguration(
                    "the path of the metrics is none",
                    where="FASTNESS_TELEMETRY__METRICS_PATH",
                    why="Prometheus could not read them",
                    fix="write /metrics",
                )
            )
        token = self.metrics_token.get_secret_value()
        weak = weak_secret(token, where="FASTNESS_TELEMETRY__METRICS_TOKEN") if token or production else None
        return [*found, weak] if weak is not None else found
