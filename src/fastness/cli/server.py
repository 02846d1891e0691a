"""One server in this process: uvicorn, with its own trust in proxies and its own name turned off."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import typer

UNSAFE = 78

OPTIONS: dict[str, Any] = {
    "proxy_headers": False,  # the proxies control decides; uvicorn trusts every loopback peer (docs/controls/proxies.md)
    "server_header": False,
    "access_log": False,  # security events say what matters, without addresses in clear
    "log_level": "warning",
}


def options(app: Any) -> dict[str, Any]:
    """What uvicorn is told for this application: OPTIONS, and what it must know before a message reaches anybody."""
    from fastness.cli.protocol import PatientProtocol

    settings = app.state.fastness.settings.websockets
    return {
        **OPTIONS,
        "http": PatientProtocol,
        "ws_max_size": settings.max_message_size,
        # Compression tells whoever writes part of a message and sees its size about the rest (CRIME, BREACH).
        "ws_per_message_deflate": False,
    }


@contextlib.contextmanager
def serving(build: Callable[[], Any], host: str, port: int) -> Iterator[tuple[Callable[[], None], str]]:
    """Bind first, so that the address can be printed; the server runs when the first thing yielded is called.

    Raises:
        typer.Exit: 1 when the address is taken, 78 when the start check refused.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(2048)  # from now on a caller waits in the queue instead of being refused
        except OSError as error:
            typer.echo(f"fastness: cannot listen on {host}:{port}: {error.strerror}. Try --port 0.", err=True)
            raise typer.Exit(1) from None
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        app = build()
        server = uvicorn.Server(uvicorn.Config(app, **options(app)))

        def run() -> None:
            with contextlib.suppress(SystemExit):  # uvicorn's own code for a start that failed is 3
                server.run(sockets=[listening])
            if not server.started:
                raise typer.Exit(UNSAFE)

        yield run, f"http://{shown}:{listening.getsockname()[1]}"
