"""A real PostgreSQL of one test's own, on a free port of loopback: stopped, killed, frozen and started again at will."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from databases import postgres_programs
from journeys.servers import free_port

_PATIENCE = 30.0
_OPTIONS = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1", "max_connections": "60"}


class PostgresServer:
    """One server from the bundled wheel, without password and without fsync; its data outlive `stop`.

    It has a database `service` of a user `service`, who is no superuser.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self._folder, self._programs = free_port(), folder, postgres_programs()
        self._user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self.process: subprocess.Popen[bytes] | None = None
        if self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=utf8", "-D", str(folder))

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://service@127.0.0.1:{self.port}/service"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], user=self._user, cwd="/", check=True, capture_output=True
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._programs / "postgres", "-D", str(self._folder), "-p", str(self.port), *options],
                user=self._user, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.tell("SELECT 1")
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """End it at once, as `pg_ctl stop -m immediate` does: connections break, and it recovers when it starts again."""
        if self.process is not None:
            self.thaw()
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(_PATIENCE)
            self.process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def limit(self, connections: int) -> None:
        """Let the user `service` have no more connections than these, and break all that are open; -1 is no limit."""
        self.tell(f"ALTER ROLE service CONNECTION LIMIT {connections}")
        self.tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'service'")

    def tell(self, statement: str) -> list[tuple[object, ...]]:
        """One statement of the superuser, over a connection of its own."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True, connect_timeout=10
        ) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def _signal(self, number: int) -> None:
        assert self.process is not None
        parent = self.process.pid
        # Each backend is a process group of its own.
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server, ended and deleted afterwards."""
    # Below the folder of temporary files itself: another user must be able to walk there.
    folder = Path(tempfile.mkdtemp(prefix="fastness-postgres-"))
    server = PostgresServer(folder)
    try:
        server.start()
        server.tell("CREATE ROLE service LOGIN")
        server.tell("CREATE DATABASE service OWNER service")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
