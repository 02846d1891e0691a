"""The settings of an application, each control's under its own name; and what no setting may say."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI
from pydantic import Field

from fastness.controls.apikeys import ApiKeySettings
from fastness.controls.body import BodySettings
from fastness.controls.cookies import CookieSettings
from fastness.controls.cors import CorsSettings
from fastness.controls.csrf import CsrfSettings
from fastness.controls.docs import DocSettings
from fastness.controls.headers import HeaderSettings
from fastness.controls.hosts import HostSettings
from fastness.controls.limits import LimitSettings
from fastness.controls.oddities import OdditySettings
from fastness.controls.outbound import OutboundSettings
from fastness.controls.problems import ProblemSettings
from fastness.controls.proxies import ProxySettings
from fastness.controls.request_id import RequestIdSettings
from fastness.controls.secrets import EnvironmentSettings, Secrets, also_read, weak_secret
from fastness.controls.security_events import SecurityEventSettings
from fastness.controls.tokens import TokenSettings
from fastness.controls.websockets import WebSocketSettings
from fastness.core.errors import UnsafeConfiguration
from fastness.telemetry.settings import TelemetrySettings


class Settings(EnvironmentSettings):
    """FASTNESS_*: the settings of an application, each control's under its own name."""

    environment: Literal["production", "development"] = Field(
        default="production", description="Production refuses what is only fit for development."
    )
    mode: Literal["enforce", "observe"] = Field(
        default="enforce",
        description="`observe` lets csrf, headers, limits and undeclared routes report what they would refuse, unless "
        "one of them says otherwise: for adopting them on a living application.",
    )
    profile: Literal["standard", "strict"] = Field(
        default="standard", description="strict reads the session per request."
    )
    secret: Secrets = Field(
        default=(), description="Signs and seals; at least 32 bytes. Several for rotation, newest last."
    )
    public_url: str = Field(
        default="", description="Where people reach the application: gives allowed hosts, issuer and mail links."
    )
    database_url: str = Field(
        default="",
        repr=False,
        validation_alias=also_read("DATABASE_URL"),
        description="Where accounts and shared counters live; also read from DATABASE_URL.",
    )
    redis_url: str = Field(
        default="",
        repr=False,
        validation_alias=also_read("REDIS_URL"),
        description="Redis or Valkey (`redis://`, `rediss://` for TLS, `unix://`): limits are counted there for all "
        "workers. Also read from REDIS_URL.",
    )
    redis_prefix: str = Field(
        default="fastness:",
        pattern=r"^[A-Za-z0-9:_.{}-]{1,64}$",
        description="What every key in Redis begins with; one for each application that shares a database.",
    )
    redis_timeout: float = Field(
        default=0.05,
        gt=0,
        le=5,
        description="Seconds that Redis has for an answer; then each process counts by itself until it answers again.",
    )
    undeclared_routes: Literal["refuse", "warn"] = Field(
        default="refuse", description="warn serves routes that declare no access, while you migrate."
    )
    headers: HeaderSettings = HeaderSettings()
    request_id: RequestIdSettings = RequestIdSettings()
    proxies: ProxySettings = ProxySettings()
    cors: CorsSettings = CorsSettings()
    problems: ProblemSettings = ProblemSettings()
    hosts: HostSettings = HostSettings()
    oddities: OdditySettings = OdditySettings()
    body: BodySettings = BodySettings()
    limits: LimitSettings = LimitSettings()
    security_events: SecurityEventSettings = SecurityEventSettings()
    tokens: TokenSettings = TokenSettings()
    websockets: WebSocketSettings = WebSocketSettings()
    apikeys: ApiKeySettings = ApiKeySettings()
    cookies: CookieSettings = CookieSettings()
    csrf: CsrfSettings = CsrfSettings()
    docs: DocSettings = DocSettings()
    outbound: OutboundSettings = OutboundSettings()

    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def production(self) -> bool:
        """Whether the strict rules of production hold."""
        return self.environment == "production"

    @property
    def serves_undeclared(self) -> bool:
        """Whether routes that declare no access are served, with a warning."""
        observing = self.mode == "observe" and "undeclared_routes" not in self.model_fields_set
        return observing or self.undeclared_routes == "warn"


DEBUG_IS_ON = UnsafeConfiguration(
    "debug is on in production",
    where="FastAPI(debug=True)",
    why="every error shows source code and local values",
    fix="remove debug=True, or set FASTNESS_ENVIRONMENT=development on your own machine",
)


def unsafe(app: FastAPI, settings: Settings) -> list[UnsafeConfiguration]:
    """What the settings and the application say that must stop the start."""
    found = [
        weak
        for secret in settings.secret
        if (weak := weak_secret(secret.get_secret_value(), where="FASTNESS_SECRET")) is not None
    ]
    found += settings.outbound.problems(production=settings.production)
    if settings.production and app.debug:
        found.append(DEBUG_IS_ON)
    if settings.production and settings.public_url and not settings.public_url.startswith("https://"):
        found.append(
            UnsafeConfiguration(
                "the public URL has no TLS",
                where="FASTNESS_PUBLIC_URL",
                why="tokens and passwords would travel in clear",
                fix="use the https:// address that people reach",
            )
        )
    return found
