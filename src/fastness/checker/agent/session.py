"""One check of one application: set the guard, load, then answer commands until the pipe ends."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from .bounds import leave_network, set_limits
from .describe import application, documents
from .driver import Driver
from .guard import Guard
from .stores import create_tables, stores
from .target import NotFound, find, inner, python_version
from .variables import Asked, unset_settings
from .wire import Wire


def main() -> None:
    """Read the first command, which says what to load, and go on from there."""
    wire = Wire()
    order = wire.receive()
    if order is None:
        return
    try:
        _Session(wire, order).run()
    finally:
        # Threads and children of the application must not keep the process alive.
        os._exit(0)


class _Session:
    def __init__(self, wire: Wire, order: dict[str, Any]) -> None:
        self._wire, self._order = wire, order
        self._guard = Guard(order["scratch"])
        self._asked = Asked(order["root"])

    def run(self) -> None:
        order = self._order
        set_limits(seconds=order["cpu_seconds"], megabytes=order["megabytes"])
        offline = leave_network()
        sys.dont_write_bytecode = True
        sys.path[:0] = order["path"]
        os.chdir(order["root"])
        warnings.simplefilter("ignore")
        _warm()
        self._asked.watch()
        self._guard.install()
        try:
            found = find(order["module"], order["attribute"], root=order["root"], asked=self._asked)
            described = application(inner(found))
            described["unset"] = unset_settings(order["root"])
        except NotFound as reason:
            self._wire.send({"failed": reason.report, "refused": self._guard.refused, **_where()})
            return
        except BaseException as error:  # noqa: BLE001 - a route tree that nobody has met yet
            text = f"its routes could not be listed: {type(error).__name__}: {error}"
            self._wire.send({"failed": {"kind": "unreadable", "text": text[:600]}, "refused": [], **_where()})
            return
        self._wire.send({"loaded": described, "refused": self._guard.refused, "offline": offline, **_where()})
        self._serve(found)

    def _serve(self, found: Any) -> None:
        driver = Driver(found)
        while True:
            command = self._wire.receive()
            if command is None or command["do"] == "stop":
                driver.stop()
                return
            try:
                self._wire.send(self._answer(driver, found, command))
            except BaseException as error:  # noqa: BLE001 - the checker decides what to make of it
                self._wire.send({"broken": f"{type(error).__name__}: {error}"[:600]})

    def _answer(self, driver: Driver, found: Any, command: dict[str, Any]) -> dict[str, Any]:
        def state() -> dict[str, Any]:
            drivers = sorted(name for name in command["drivers"] if name in sys.modules)
            known = list(stores(self._guard.databases))
            return {"stores": known, "drivers": drivers, "refused": self._guard.refused}

        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "request": lambda: driver.request(command),
            "websocket": lambda: driver.websocket(command),
            "start": lambda: driver.start(float(command["seconds"])),
            "tables": lambda: {"databases": driver.run(create_tables())},
            "idle": lambda: {"result": driver.run(asyncio.sleep(float(command["seconds"])))},
            "openapi": lambda: {"documents": list(documents(inner(found)))},
            "state": state,
        }
        return answers[command["do"]]()


def _where() -> dict[str, Any]:
    fastapi = sys.modules.get("fastapi")
    return {"python": python_version(), "fastapi": getattr(fastapi, "__version__", ""), "prefix": sys.prefix}


def _warm() -> None:
    # Modules that open sockets or start programs while they are imported, or that the guard itself needs later.
    import asyncio.subprocess
    import concurrent.futures.thread
    import ctypes.util
    import dis
    import gc
    import inspect
    import socket
    import ssl
    import tempfile

    del asyncio, concurrent, ctypes, dis, gc, inspect, socket, ssl, tempfile
