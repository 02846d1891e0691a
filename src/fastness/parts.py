"""Makes each control from what was given to `secure` or what the environment says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from fastness.controls.access import current_user, require
from fastness.controls.apikeys import ApiKeys, ApiKeyStore
from fastness.controls.cors import CorsSettings
from fastness.controls.docs import Docs, DocSettings
from fastness.controls.hosts import HostSettings
from fastness.controls.problems import Problems
from fastness.controls.secrets import generate
from fastness.controls.security_events import SecurityEvents
from fastness.controls.tokens import TokenKeys, Tokens
from fastness.controls.websockets import WebSockets
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, Sink
from fastness.core.keys import KeyRing
from fastness.core.origins import is_origin
from fastness.core.store import CounterStore
from fastness.counters import Counters
from fastness.settings import Settings
from fastness.telemetry import Telemetry, TelemetrySettings


class Parts:
    """Makes each control from what was given, and keeps the list of what is on, off and unsafe."""

    def __init__(self, settings: Settings, found: list[UnsafeConfiguration]) -> None:
        self.settings = settings
        self.found: list[UnsafeConfiguration] = []
        self.refuse(found)
        self.on: list[str] = []
        self.off: list[str] = []
        self.observing: list[str] = ["undeclared routes"] if settings.serves_undeclared else []
        """What reports and refuses nothing."""
        self.made: dict[str, Any] = {}
        """Each control under its name."""
        self.sinks: list[Sink] = []
        """Get every event as well; what is added later does too."""
        self._telemetry: Telemetry | None = None

    def make(self, name: str, given: Any, settings: BaseModel, kind: Callable[..., Any], **more: Any) -> Any:
        """The control: given as an object, built from given settings or the environment's; None when it is off."""
        if given is False:
            self._note(self.off, name)
            return None
        self._note(self.on, name)
        if given is not None and not isinstance(given, BaseModel):
            self.refuse(self._unsafe(given))
            return self._watched(name, given)
        chosen = self._observing(given if given is not None else settings)
        unsafe = self._unsafe(chosen)
        if unsafe:
            self.refuse(unsafe)
            chosen = type(settings).model_construct()
        try:
            control = kind(chosen, **more)
        except UnsafeConfiguration as error:
            self.refuse([error])
            return kind(type(settings)(), **more)
        if not unsafe:
            self.refuse(self._unsafe(control))
        return self._watched(name, control)

    def sink(self, given: Any, telemetry: Telemetry | TelemetrySettings | Literal[False] | None, app: FastAPI) -> Sink:
        """What takes events; where something measures, it counts them first."""
        events = self.make("security_events", given, self.settings.security_events, SecurityEvents)
        if isinstance(events, SecurityEvents):
            emit: Sink = events
            self.sinks = events.sinks
        else:
            self.sinks += [] if events is None else [events]
            emit = partial(_tell, self.sinks)
        if telemetry is None or isinstance(telemetry, TelemetrySettings):
            chosen = self.settings.telemetry if telemetry is None else telemetry
            telemetry = chosen.on and Telemetry(chosen, meter_provider=_provider(app))
        if telemetry is False:
            return emit
        self._note(self.on, "telemetry")
        self.refuse(self._unsafe(telemetry))
        telemetry.serve(app)
        self._telemetry = telemetry
        return telemetry.sink(emit)

    def writer(self, made: Problems | None, emit: Sink) -> Problems:
        """What renders refusals, also where errors are the application's own affair."""
        writer = Problems(emit=emit) if made is None else made
        if self._telemetry is not None:
            # This one's own, so that others pay nothing.
            setattr(writer, "answer", self._telemetry.answer(writer.answer))  # noqa: B010
        return writer

    def counters(self, given: CounterStore | None, emit: Sink) -> Counters:
        """Where hits are counted."""
        made = Counters(given, self.settings, emit)
        self.refuse(made.found)
        return made

    def refuse(self, problems: list[UnsafeConfiguration]) -> None:
        """Note what must stop the start, each once."""
        known = {str(problem) for problem in self.found}
        self.found += [problem for problem in problems if str(problem) not in known]

    def ring(self) -> KeyRing | None:
        """The application's secrets; in development one is made for this process when there is none."""
        if self.settings.secret:
            return KeyRing(secret.get_secret_value() for secret in self.settings.secret)
        return None if self.settings.production else KeyRing([generate()])

    def tokens(self, given: Tokens | Literal[False] | None, ring: KeyRing | None) -> Tokens | None:
        """Access tokens by HS256 from the secret, unless tokens were given."""
        if given is False:
            self._note(self.off, "tokens")
            return None
        self._note(self.on, "tokens")
        if given is not None or ring is None:
            return given
        if not self.settings.secret:
            self._note(self.off, "a lasting secret (tokens end with this process)")
        chosen = self.settings.tokens
        if not chosen.issuer:
            chosen = chosen.model_copy(update={"issuer": self.settings.public_url or "http://localhost"})
        self.refuse(chosen.problems(production=self.settings.production))
        return Tokens(TokenKeys.derived(ring), chosen)

    def apikeys(
        self, given: ApiKeys | ApiKeyStore | Literal[False] | None, ring: KeyRing | None, **more: Any
    ) -> ApiKeys | None:
        """API keys from where they are kept, hashed under the secret; None where none are read."""
        if given is False:
            self._note(self.off, "apikeys")
        if given is False or given is None:
            return None
        keys: ApiKeys | None = None
        if isinstance(given, ApiKeys):
            keys = self.make("apikeys", given, self.settings.apikeys, ApiKeys)
        elif ring is None:
            self.refuse([_NO_KEY_SECRET])
        else:
            if not self.settings.secret:
                self._note(self.off, "a lasting secret (API keys end with this process)")
            keys = self.make("apikeys", None, self.settings.apikeys, partial(ApiKeys, given, ring), **more)
        return keys

    def docs(self, given: Docs | DocSettings | Literal[False] | None, app: FastAPI) -> str:
        """Put the documentation pages in their places; who may read them: `off`, `public` or `required`."""
        docs = self.make("docs", given, self.settings.docs, Docs, production=self.settings.production)
        if docs is None:
            return "off"
        self.on.remove("docs")
        if docs.level == "off" or not app.openapi_url:
            self._note(self.off, "docs")
        else:
            self._note(self.on, f"docs ({docs.level})")
            if docs.missing:
                self._note(self.off, f"docs pages ({docs.missing})")
        role = docs.settings.role
        docs.install(app, guard=[Depends(require(role=role) if role else current_user)])
        level: str = docs.level
        return level

    def hosts(self) -> HostSettings:
        """The allowed hosts, taken from the public URL when none are named."""
        named = self.settings.hosts
        try:
            public = urlsplit(self.settings.public_url).hostname
        except ValueError:
            public = None
        if self.settings.public_url and not public:
            self.refuse([_NO_HOST])
        if named.allowed or not public:
            return named
        local = () if self.settings.production else ("localhost", "127.0.0.1", "[::1]", "testserver")
        return HostSettings(allowed=(f"[{public}]" if ":" in public else public, *local))

    def websockets(self, given: Any, cors: Any, **more: Any) -> Any:
        """What decides about WebSockets: our own origin and those that CORS names may open them."""
        crossing = self.settings.cors if cors is None else listed(cors, CorsSettings, "origins")
        named = (self.settings.public_url, *getattr(crossing, "origins", ()))
        own = [each for each in named if is_origin(each)]
        this_host = not (self.settings.production and self.settings.public_url)
        return self.make(
            "websockets", given, self.settings.websockets, WebSockets, own=own, this_host=this_host, **more
        )

    def _unsafe(self, thing: Any) -> list[UnsafeConfiguration]:
        problems = getattr(thing, "problems", None)
        return problems(production=self.settings.production) if problems is not None else []

    def _observing(self, chosen: BaseModel) -> BaseModel:
        """In observe mode, every control that can only report does so, unless its own settings say something else."""
        field = type(chosen).model_fields.get("mode")
        modes = get_args(field.annotation) if field is not None else ()
        if self.settings.mode != "observe" or "enforce" not in modes or "mode" in chosen.model_fields_set:
            return chosen
        return chosen.model_copy(update={"mode": next(mode for mode in modes if mode != "enforce")})

    def _watched(self, name: str, control: Any) -> Any:
        self.made[name] = control
        if getattr(control, "only_logs", False):
            self._note(self.observing, name)
        return control

    def _note(self, names: list[str], name: str) -> None:
        if name not in names:
            names.append(name)


_NO_KEY_SECRET = UnsafeConfiguration(
    "there is no secret to hash API keys with",
    where="FASTNESS_SECRET",
    why="whoever reads the database could guess which key belongs to which digest",
    fix='run "fastness secret" and set FASTNESS_SECRET',
)

_NO_HOST = UnsafeConfiguration(
    "the public URL names no host",
    where="FASTNESS_PUBLIC_URL",
    why="allowed hosts, the issuer of tokens and links are made from it",
    fix="write the address that people reach, such as https://api.example.com",
)


def _provider(app: FastAPI) -> Any:
    # FastAPI(telemetry={"meter_provider": ...}) says it for both; older ones have no such argument.
    return getattr(app, "_telemetry", {}).get("meter_provider")


def listed(given: Any, kind: type[BaseModel], name: str) -> Any:
    """A list given in place of settings is short for the one setting that matters most."""
    return kind(**{name: tuple(given)}) if isinstance(given, list | tuple) else given


def _tell(sinks: list[Sink], event: Event) -> None:
    for sink in sinks:
        sink(event)
