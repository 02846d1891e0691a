"""The pipe: one JSON object a line, in both directions."""

from __future__ import annotations

import json
import os
from typing import Any, BinaryIO


class Wire:
    """Takes standard input and output for itself, and gives the application empty ones."""

    def __init__(self) -> None:
        self._commands: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._answers: BinaryIO = os.fdopen(os.dup(1), "wb")
        empty = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(empty, descriptor)
        os.close(empty)

    def receive(self) -> dict[str, Any] | None:
        """The next command; None when the other side is gone."""
        line = self._commands.readline()
        if not line:
            return None
        command: dict[str, Any] = json.loads(line)
        return command

    def send(self, answer: dict[str, Any]) -> None:
        """Values that JSON does not know are sent as their `repr`."""
        self._answers.write(json.dumps(answer, default=repr).encode() + b"\n")
        self._answers.flush()
