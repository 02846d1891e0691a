"""The one failure after which trying again is wrong."""

from __future__ import annotations


class Undeliverable(Exception):
    """This mail will never be taken: its address does not exist, or is none. Carries no address."""
