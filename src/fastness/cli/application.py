"""The parser of the command line, and what each ending means."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from fastness._version import __version__
from fastness.cli import INTERRUPTED, UNSAFE, USAGE

# Newer typers carry a click of their own, older ones use the package: the right class is the one typer's derive from.
_Misuse: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

COMMANDS = {
    "check": "Judge a FastAPI application by source, loaded app, attack and packages.",
    "explain": "Print the page of a rule: what, why, wrong, right, how it is found.",
    "rules": "List the rules.",
    "routes": "Print every route with who may call it; write or compare a lock file.",
    "score": "Print the grade and what was seen of OWASP ASVS and API Top 10.",
    "init": "Add the checker to a project: settings and CI, shown as a diff first.",
    "demo": "Run the account service on SQLite and print an administrator's sign-in.",
    "serve": "Run the account service with the settings of the environment.",
    "secret": "Print a new secret, 256 random bits, fit for FASTNESS_SECRET.",
    "doctor": "Check what is on and effective.",
    "tune": "Propose the strongest Argon2id cost for this machine.",
    "db": "The tables of the account service.",
    "events": "Stored security events: verify their chain, or export them.",
    "keys": "The keys that sign access tokens.",
    "users": "Accounts.",
}
"""One line for each, so that the list of commands costs no import. Their own `--help` says more."""
GROUPS = frozenset({"db", "events", "keys", "users"})
SETTINGS: dict[str, Any] = {
    "rich_markup_mode": None,  # plain text: boxes and colours break in pipes, and help takes four times as long
    "pretty_exceptions_enable": False,  # a traceback with local values would print secrets
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Lazily(TyperGroup):
    """Knows its commands by name and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Suggestions for a misspelt command look at the keys.
        self.commands: dict[str, Any] = dict.fromkeys(COMMANDS)

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name in COMMANDS and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _imported(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _imported(name: str) -> Any:
    module = importlib.import_module(f"fastness.cli.{name}")
    if name in GROUPS:
        return typer.main.get_command(module.app)
    alone = typer.Typer(name=name, add_completion=False, **SETTINGS)
    alone.command(name=name)(getattr(module, name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="fastness",
    cls=Lazily,
    help="Security for FastAPI applications: the checker, accounts, keys, settings and the service itself.",
    no_args_is_help=True,
    **SETTINGS,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - the shape of a typer callback
    if wanted:
        typer.echo(f"fastness {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(  # noqa: FBT001 - typer declares options so
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Security for FastAPI applications: the checker, accounts, keys, settings and the service itself."""
    del version


def run(arguments: list[str]) -> int:
    """Parse and run; the codes are those of `fastness.cli.run`."""
    from fastness.core.errors import MissingExtra, UnsafeConfiguration

    try:
        code = app(arguments, standalone_mode=False)
    except typer.Abort:
        return _told("Interrupted.", INTERRUPTED)
    except _Misuse as error:
        error.show()
        return int(error.exit_code)
    except UnsafeConfiguration as problem:
        return _told(str(problem), UNSAFE)
    except MissingExtra as missing:
        return _told(f"fastness: {missing}", USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _told(text: str, code: int) -> int:
    typer.echo(text, err=True)
    return code
