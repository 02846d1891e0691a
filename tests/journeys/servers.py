"""Real servers in processes of their own, on loopback, ended at the end of the test."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from canary import server_wrote

ROOT = Path(__file__).parents[2]
PATIENCE = 45.0
"""Seconds for a server to answer; a busy machine may take many, a good one takes two."""


@dataclass(frozen=True)
class Server:
    """A process, and the files that its two outputs go to."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def out(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace")

    @property
    def err(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def says(self, pattern: str) -> str:
        """Wait until one of the outputs holds the pattern; its first group."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = re.search(pattern, self.out + self.err)
            if found is not None:
                return found[1]
            assert not ended, f"the server ended with {self.process.returncode}:\n{self.out}\n{self.err}"
            time.sleep(0.05)
        raise AssertionError(f"the server never said {pattern!r}:\n{self.out}\n{self.err}")

    def answers(self, pattern: str) -> str:
        """Wait until the URL that the server says answers, with whatever status; the URL."""
        url, deadline = self.says(pattern), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(url + "/health")
                return url
            assert self.process.poll() is None, f"the server ended:\n{self.out}\n{self.err}"
            time.sleep(0.05)
        raise AssertionError(f"nobody answers at {url}:\n{self.out}\n{self.err}")


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without settings of ours, and with these."""
    ours = ("FASTNESS_", "DATABASE_URL", "REDIS_URL", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "UVICORN_", "GUNICORN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONUNBUFFERED": "1", **environment}


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, *, environment: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[Server]:
    """A command of this environment (`uvicorn`, `fastness`) as a process group of its own: workers end with it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [Path(sys.executable).with_name(command[0]), *command[1:]],
            cwd=cwd, env=clean(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
    server = Server(process, folder)
    try:
        yield server
    finally:
        _end(process)
        # A demo shows its sign-in to the person who started it; what it logs is the rest.
        server_wrote(server.err if "demo" in command else server.out + server.err)


def _end(process: subprocess.Popen[bytes]) -> None:
    # The group is the process's own: start_new_session made it.
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            break


def free_port() -> int:
    """A port of loopback that nobody holds right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
