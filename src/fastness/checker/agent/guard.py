"""What the application may not do while it is checked: reach a network, start a process, write outside the scratch folder.

An audit hook (PEP 578) refuses it with PermissionError, which an application meets as it meets a broken network. It
holds against mistakes and ordinary code. It is no sandbox: native code passes by it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_KEPT = 40
"""How many different refusals are remembered for the report."""
_PAIR = (socket.socketpair.__code__.co_filename, "socketpair")


class Guard:
    """The audit hook. `refused` tells what it stopped, `databases` which SQLite files were opened."""

    def __init__(self, scratch: str) -> None:
        self._scratch = os.path.realpath(scratch)
        self.refused: list[str] = []
        self.databases: list[str] = []

    def install(self) -> None:
        """From here on, for the life of the interpreter: an audit hook cannot be taken away."""
        checks = self._checks()

        def hook(event: str, args: tuple[Any, ...]) -> None:
            check = checks.get(event)
            if check is not None:
                check(*args)

        sys.addaudithook(hook)

    def _checks(self) -> dict[str, Callable[..., None]]:
        refuse = self._refuse
        checks: dict[str, Callable[..., None]] = {
            "socket.__new__": self._socket,
            "open": self._open,
            "sqlite3.connect": self._sqlite,
            "os.kill": self._kill,
            "os.killpg": self._kill,
        }
        for name in ("connect", "bind", "sendto", "sendmsg"):
            checks["socket." + name] = lambda _socket, address=None, what=name: refuse(f"{what} to {address}")
        for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo"):
            checks["socket." + name] = lambda *args: refuse(f"look-up of {args[0]}")
        for name in ("os.fork", "os.forkpty", "pty.spawn", "os.system", "os.startfile", "os.startfile/2"):
            checks[name] = lambda *args, what=name: refuse(f"{what} {args[0] if args else ''}".strip())
        for name in ("os.exec", "os.posix_spawn", "subprocess.Popen"):
            checks[name] = lambda program, *_, what=name: refuse(f"{what} of {program}")
        checks["os.spawn"] = lambda _mode, program, *_: refuse(f"os.spawn of {program}")
        for name in ("remove", "rmdir", "mkdir", "chmod", "chown", "truncate", "utime", "setxattr", "removexattr",
                     "chflags", "lchmod"):  # fmt: skip
            checks["os." + name] = lambda path, *rest, what=name: self._path(path, "os." + what, _folder(rest))
        for name in ("rename", "link"):
            checks["os." + name] = lambda source, target, *rest, what=name: self._pair(source, target, what, rest)
        checks["os.symlink"] = lambda _source, target, *rest: self._path(target, "os.symlink", _folder(rest))
        return checks

    def _refuse(self, what: str) -> None:
        if what not in self.refused and len(self.refused) < _KEPT:
            self.refused.append(what[:300])
        raise PermissionError("refused while the application is checked: " + what)

    def _socket(self, _socket: Any, family: int, *_: Any) -> None:
        # An event loop wakes itself through a pair of sockets that reach nothing else.
        callers = [sys._getframe(2), sys._getframe(2).f_back]
        if not any(each and (each.f_code.co_filename, each.f_code.co_name) == _PAIR for each in callers):
            self._refuse(f"a socket of family {int(family)}")

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        if (isinstance(flags, int) and flags & _WRITES) or (isinstance(mode, str) and set(mode) & set("wax+")):
            if os.fspath(path) not in (os.devnull, os.fsencode(os.devnull)):
                self._path(path, "writing")
        elif b"/proc/" in os.fsencode(path) and b"/environ" in os.fsencode(path):
            self._refuse("reading the environment of another process")

    def _sqlite(self, database: Any) -> None:
        if isinstance(database, int):
            return
        name = os.fsdecode(database)
        if name.startswith("file:"):
            parts = urlsplit(name)
            if "mode=memory" in parts.query:
                return
            name = unquote(parts.path)
        if name in ("", ":memory:"):
            return
        self._path(name, "the SQLite database")
        if name not in self.databases:
            self.databases.append(name)

    def _kill(self, process: int, _signal: int) -> None:
        if process != os.getpid():
            self._refuse("a signal to another process")

    def _pair(self, source: Any, target: Any, what: str, rest: tuple[Any, ...]) -> None:
        self._path(source, "os." + what, rest[0] if rest else -1)
        self._path(target, "os." + what, rest[1] if len(rest) > 1 else -1)

    def _path(self, path: Any, what: str, folder: Any = -1) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path)
        if isinstance(folder, int) and folder >= 0 and not os.path.isabs(name):
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
        # The last part itself may be a link that is replaced or removed, and not followed.
        found = os.path.realpath(name)
        if found != self._scratch and not found.startswith(self._scratch + os.sep):
            self._refuse(f"{what} of {name}" if what != "writing" else f"writing {name}")


def _folder(rest: tuple[Any, ...]) -> Any:
    # The events of `os` carry the folder's descriptor last, -1 for none; os.chmod(path, mode, dir_fd), os.mkdir alike.
    return rest[-1] if rest and isinstance(rest[-1], int) else -1
