"""Starts the agent in the interpreter of the checked application, and ends it whatever happens."""

from __future__ import annotations

import base64
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parent.parent / "agent"
_MODULE = "_fastness_agent"
_BOOT = f"""
import importlib.util as u, sys
s = u.spec_from_file_location({_MODULE!r}, sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
m = u.module_from_spec(s); sys.modules[{_MODULE!r}] = m; s.loader.exec_module(m); del sys.argv[1:]
from {_MODULE}.session import main; main()
"""
_LONGEST = 64 * 1024 * 1024
"""Bytes of one answer; 10^4 routes with their parameters stay under it."""


class Ended(Exception):
    """The agent is gone or does not answer. The text says how it ended."""


@dataclass(slots=True)
class Process:
    """A running agent, and the pipe to it. One command at a time."""

    _child: subprocess.Popen[bytes]
    _unread: bytes = b""

    @classmethod
    def start(cls, python: str, *, scratch: Path, variables: Mapping[str, str]) -> Process:
        """Start it with nothing of the caller's environment.

        Raises:
            Ended: the interpreter cannot be started.
        """
        try:
            child = subprocess.Popen(  # noqa: S603 - the interpreter that the user named or whose environment is active
                [python, "-I", "-B", "-X", "utf8", "-c", _BOOT, str(AGENT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=scratch,
                env={**invented_environment(scratch), **variables},
                start_new_session=True,
            )
        except OSError as error:
            raise Ended(f"{python} cannot be started: {error.strerror or error}") from error
        return cls(child)

    def ask(self, command: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
            Ended: it took longer, or the process ended, or what came back is no answer. The process is ended then.
        """
        if self._child.stdin is None:
            raise Ended("the pipe is closed")
        try:
            self._child.stdin.write(json.dumps(command).encode() + b"\n")
            self._child.stdin.flush()
            answer = json.loads(self._line(time.monotonic() + seconds, seconds))
        except OSError:
            raise Ended(self._how()) from None
        except ValueError:
            self.end()
            raise Ended("it wrote into the checker's pipe") from None
        if not isinstance(answer, dict):
            self.end()
            raise Ended("it wrote into the checker's pipe")
        return answer

    def _line(self, deadline: float, seconds: float) -> bytes:
        out = self._child.stdout
        if out is None:
            raise Ended("the pipe is closed")
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                self.end()
                raise Ended(f"it did not answer within {seconds:.0f} s")
            more = os.read(out.fileno(), 1 << 20)
            self._unread += more
            if not more or len(self._unread) > _LONGEST:
                raise Ended(self._how())
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _how(self) -> str:
        try:
            code = self._child.wait(5)
        except subprocess.TimeoutExpired:
            self.end()
            return "it closed the checker's pipe"
        self.end()
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return "it used more processor time than it was given"
        if code < 0:
            return f"the interpreter was ended by signal {-code}"
        return f"it ended the interpreter (exit code {code})"

    def end(self) -> None:
        """Kill it and whatever it started."""
        if os.name == "posix":
            try:
                os.killpg(self._child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._child.kill()
        else:
            self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                continue
        self._child.wait(10)


def invented_environment(scratch: Path) -> dict[str, str]:
    """A minimal environment without anything of the caller's: no secret can be read that is not there."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    found = {
        "PATH": os.defpath,
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        # An application under Fastness refuses to start without them.
        "FASTNESS_SECRET": key,
        "FASTNESS_PUBLIC_URL": "https://checked.example",
    }
    if sys.platform == "win32":
        found["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", r"C:\Windows")
    return found
