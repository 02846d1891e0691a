"""Secrets and settings: read from the environment once, refused when weak, never printed."""

from fastness.controls.secrets.environment import EnvironmentSettings, Secrets, StrongSecret, also_read
from fastness.controls.secrets.report import read
from fastness.controls.secrets.strength import generate, weak_secret

__all__ = ["EnvironmentSettings", "Secrets", "StrongSecret", "also_read", "generate", "read", "weak_secret"]
