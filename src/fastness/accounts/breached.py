"""Where the account service looks up leaked passwords: a server, or files on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from fastness.controls.outbound import OutboundSettings, client
from fastness.controls.passwords import Breached, PasswordSettings
from fastness.controls.passwords.breached import Ranges
from fastness.core.events import Sink

_SECONDS = 3.0


def breached_for(settings: PasswordSettings, emit: Sink) -> Breached | None:
    """What the settings name; None where it is off."""
    match settings.breached:
        case "off":
            return None
        case "online":
            return Breached(_server(settings.breached_url, emit), emit=emit)
        case "files":
            return Breached(_files(settings.breached_folder or Path()), emit=emit)


def _server(url: str, emit: Sink) -> Ranges:
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 443

    async def ask(prefix: str) -> str:
        # A client for each question: a pool belongs to one event loop, and this is asked when somebody chooses a password.
        chosen = OutboundSettings(hosts=(host,), ports=(port,), seconds=_SECONDS)
        async with client(chosen, emit=emit, headers={"Add-Padding": "true"}) as http:
            answer = await http.get(url + prefix)
            answer.raise_for_status()
            return answer.text

    return ask


def _files(folder: Path) -> Ranges:
    async def read(prefix: str) -> str:
        return await asyncio.to_thread((folder / f"{prefix}.txt").read_text, encoding="ascii")

    return read
