"""The machine on the other side, as far as flows need to know it."""

from __future__ import annotations

from dataclasses import dataclass

_PROGRAMS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from. Shown to the owner in the list of sessions, never trusted as proof."""

    address: str
    key: str
    """What a limit by address counts: IPv6 by /64."""
    agent: str = ""
    """The User-Agent, cut to 200 printable characters."""

    @property
    def device(self) -> str:
        """The agent in words of ours, as in "Firefox on Linux": mails carry nothing that a stranger wrote."""
        return described(self.agent)


def described(agent: str) -> str:
    """A User-Agent in words of ours."""
    program = next((name for sign, name in _PROGRAMS if sign in agent), "an unknown program")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return f"{program} on {system}" if system else program
