"""Secrets management. Control: secrets.

Every setting of every control is read from `FASTNESS_*`, `.env` or a folder of secrets; this class adds the
application's own and its defaults. What is missing, misspelt, weak or of the wrong type stops the start, all of it at
once, and no text ever shows a value.
"""

from __future__ import annotations

from pydantic import Field

from fastness import Settings
from fastness.controls.cors import CorsSettings
from fastness.controls.passwords import PasswordSettings
from fastness.controls.secrets import also_read, read
from fastness.core.errors import UnsafeConfiguration


class GuideSettings(Settings):
    """FASTNESS_*: the settings of all controls, and this application's."""

    database_url: str = Field(
        default="sqlite+aiosqlite:///guide.db",
        repr=False,
        validation_alias=also_read("DATABASE_URL"),
        description="With an asynchronous driver. Also read from DATABASE_URL.",
    )
    cors: CorsSettings = CorsSettings(origins=("https://app.example.com", "https://www.example.com"))
    passwords: PasswordSettings = Field(default_factory=PasswordSettings, description="How passwords are hashed.")


def from_environment() -> tuple[GuideSettings, list[UnsafeConfiguration]]:
    """The settings, and what the start check must refuse. Raises nothing, so that the check can list all of it."""
    settings, found = read(GuideSettings)
    if settings is None:
        return GuideSettings.model_construct(), found
    return settings, [*found, *settings.passwords.problems(production=settings.production)]
