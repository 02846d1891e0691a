"""The base of every settings class: what is read, in which order, and that it never prints a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from fastness.controls.secrets.sources import PREFIX, Sources, gather

gathered: ContextVar[Sources | None] = ContextVar("fastness_gathered", default=None)
"""What `read` has gathered and reports on; without it the settings gather for themselves and raise."""


def also_read(name: str) -> AliasChoices:
    """The `validation_alias` of a field that is read from `FASTNESS_<name>` and, without it, from `<name>`.

    For the names that hosting platforms set; in the folder of secrets they are found when they end in `_URL`:
    `database_url: SecretStr = Field(validation_alias=also_read("DATABASE_URL"))`.
    """
    return AliasChoices(PREFIX + name, name)


@dataclass(frozen=True, slots=True)
class StrongSecret:
    """Marks a field whose secrets must not be weak: `Annotated[SecretStr, StrongSecret()]`."""


def split_secrets(text: str) -> tuple[str, ...]:
    """The secrets in a variable: one, several with commas between, or a JSON list of texts.

    Raises:
        PydanticCustomError: when it starts like a JSON list and is none; the message does not hold it.
    """
    if not text.lstrip().startswith("["):
        return tuple(part.strip() for part in text.split(","))
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    parts = cast("list[object]", found) if isinstance(found, list) else []
    secrets = tuple(part for part in parts if isinstance(part, str))
    if not secrets or len(secrets) != len(parts):
        raise PydanticCustomError("fastness_secret_list", "starts like a JSON list and is not a list of texts")
    return secrets


def _split(value: Any) -> Any:
    return split_secrets(value) if isinstance(value, str) else value


Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), StrongSecret()]
"""One secret or several for rotation, newest last: `new`, `old,new` or `["old", "new"]`."""


class EnvironmentSettings(BaseSettings):
    """FASTNESS_*: settings from the environment, then `.env`, then the folder of secrets `FASTNESS_SECRETS_DIR`.

    Subclass it, give every field a default and a description, and let `read` build it. Nested settings are models
    whose fields are reached with `__`: `FASTNESS_HEADERS__HSTS_SECONDS`. Keys of other programs in `.env` are no
    error. Frozen; neither its repr nor its errors show a secret.

    Raises:
        ValidationError: on construction, when a value is not of its type; the message does not hold it.
        UnsafeConfiguration: on construction, when `.env` or the folder of secrets cannot be read.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        validate_default=True,
    )

    env_file: ClassVar[Path | None] = Path(".env")
    """Where `.env` is looked for, from the working directory; None for nowhere."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic-settings'
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, first one first. The three of pydantic-settings are replaced by ours.

        The check for misspelt names needs all three read in one way, and the folder needs limits: a link that leaves
        it and a file without end are not read (GHSA-4xgf-cpjx-pc3j was such a link).
        """
        found = gathered.get()
        if found is None:
            found = gather(cls.env_file)
            if found.problems:
                raise found.problems[0]
        return (init_settings, *(_Layer(settings_cls, layer) for layer in found.layers()))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, "**********" if isinstance(value, str) and _has_password(value) else value


class _Layer(EnvSettingsSource):
    """One source of variables, read by the rules of pydantic-settings for the environment."""

    def __init__(self, settings_cls: type[BaseSettings], variables: dict[str, str]) -> None:
        super().__init__(settings_cls)
        self.env_vars = {name.lower(): value for name, value in variables.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        # Broken JSON goes on as text, so that validation names the field beside all other problems. The error that
        # pydantic-settings would raise stops at the first one and carries the value in its cause.
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


def _has_password(text: str) -> bool:
    try:
        return "://" in text and urlsplit(text).password is not None
    except ValueError:
        return True
