"""One server process, what the kernel says it used, and a plain request to it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
HOST = "127.0.0.1"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds of CPU that the process and its children have used, user and system."""
        ticks = 0
        for pid in self._family(self.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def peak_memory(self) -> float:
        """MiB that were resident at most (VmHWM)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def _family(self, pid: int) -> Iterator[int]:
        yield pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that ended meanwhile; its time is its process's
                for child in (task / "children").read_text().split():
                    yield from self._family(int(child))

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower-case names) and body of one request on its own connection."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, env: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """Start `command`, wait until it listens on `port`, and stop it at the end.

    Raises:
        SystemExit: with the server's own words when it does not come up.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env={**os.environ, **env}, cwd=folder, stdout=log, stderr=log)
        try:
            if not _listens(process, port):
                log.seek(0)
                raise SystemExit(f"{' '.join(command)} does not answer:\n{log.read()[-3000:]}")
            yield Server(process.pid, port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def uvicorn(python: Path, app: str, port: int) -> list[str]:
    """The command that serves `app` of the `apps` folder, with the options of `fastness serve`."""
    options = "--no-access-log --no-proxy-headers --no-server-header --log-level warning"
    root = Path(__file__).parent.parent
    return [
        str(python),
        "-m",
        "uvicorn",
        f"bench.apps.{app}",
        "--app-dir",
        str(root),
        "--port",
        str(port),
        *options.split(),
    ]


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, port), 0.5).close()
            return True
        time.sleep(0.05)
    return False
