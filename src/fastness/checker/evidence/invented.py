"""Values for environment variables that an application wants and the checker will not copy from the caller."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_DATABASE = re.compile(r"\b[A-Z][A-Z0-9_]*(?:DATABASE|DB|SQL|SQLITE)[A-Z0-9_]*_(?:URL|URI|DSN)\b|\bDATABASE_UR[LI]\b")
# A field of a settings class, or a name that is asked of the environment.
_READ = re.compile(
    r"""(?:environ(?:\.get)?[(\[]\s*|getenv\(\s*|config\(\s*)["'](\w+)["']|^[ \t]+(\w+)[ \t]*:[ \t]*(?:str|SecretStr)\b""",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET = re.compile(r"SECRET|(?:JWT|SIGNING)\w*KEY$", re.IGNORECASE)
_NO_KEY = re.compile(r"ALGORITHM|EXPIR|MINUTES|SECONDS|DAYS|HOURS|ISSUER|AUDIENCE|HEADER|TYPE|FILE|PATH|URL|^FASTNESS_")
_BY_NAME = (
    (re.compile(r"PORT$"), "1"),
    (re.compile(r"LEVEL$"), "INFO"),
    (re.compile(r"EXPIR|MINUTES|SECONDS|HOURS|DAYS|TTL|SIZE|LIMIT|TIMEOUT|COUNT|WORKERS|ROUNDS|LENGTH|_DB$"), "30"),
    (re.compile(r"^(?:IS|USE|ENABLE)_|_ENABLED$|DEBUG|_TLS$|_SSL$|TESTING"), "false"),
    (re.compile(r"ALGORITHM"), "HS256"),
    (re.compile(r"ORIGINS|ALLOWED_HOSTS"), '["https://checked.example"]'),
    (re.compile(r"EMAIL|MAIL_FROM|SENDER"), "checker@checked.example"),
    (re.compile(r"LOG_?LEVEL"), "INFO"),
    (re.compile(r"REDIS.*(?:URL|URI|DSN)"), "redis://127.0.0.1:1/0"),
    (re.compile(r"MONGO.*"), "mongodb://127.0.0.1:1/checked"),
    (re.compile(r"(?:URL|URI|ENDPOINT|ORIGIN|ISSUER)$"), "https://checked.example"),
    (re.compile(r"HOST(?:NAME)?$|SERVER$|DOMAIN$"), "checked.example"),
    (re.compile(r"^(?:ENV|ENVIRONMENT|APP_ENV|STAGE)$"), "production"),
)  # fmt: skip
_BY_ERROR = {
    "int_parsing": "30", "float_parsing": "1", "bool_parsing": "false", "decimal_parsing": "1",
    "list_type": "[]", "dict_type": "{}", "json_invalid": "[]", "timedelta_parsing": "PT30M",
    "value_error.integer": "30", "type_error.integer": "30", "type_error.float": "1",
}  # fmt: skip


def database_names(sources: Iterable[str]) -> frozenset[str]:
    """Variables that hold a database's address, by name, in these Python texts."""
    return frozenset(name for text in sources for name in _DATABASE.findall(text))


def secret_names(sources: Iterable[str]) -> frozenset[str]:
    """Variables that hold a key or secret of the application, by name: an empty default would let no token be signed."""
    found = {(asked or field).upper() for text in sources for asked, field in _READ.findall(text)}
    return frozenset(name for name in found if _SECRET.search(name) and not _NO_KEY.search(name))


def throwaway(scratch: Path, *, asynchronous: bool) -> str:
    """The address of an empty SQLite database in the scratch folder."""
    driver = "sqlite+aiosqlite" if asynchronous else "sqlite"
    return f"{driver}:///{scratch / 'throwaway.db'}"


def invent(asked: str | Mapping[str, Any], *, database: str) -> tuple[str, str]:
    """Name and value for a variable, by what a settings class says of it, else by its name.

    Args:
        database: the address of the throw-away database.
    """
    problem: Mapping[str, Any] = {"name": asked} if isinstance(asked, str) else asked
    name = str(problem["name"]).upper()
    found = _by_error(problem) or _by_kind(str(problem.get("kind", "")), name)
    if found is None and _DATABASE.fullmatch(name):
        found = database
    if found is None:
        found = next((value for pattern, value in _BY_NAME if pattern.search(name)), None)
    # Long enough for any signing key, and a valid key of Fernet.
    return name, found if found is not None else base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _by_error(problem: Mapping[str, Any]) -> str | None:
    error = str(problem.get("error", ""))
    expected = re.findall(r"'([^']+)'", str(problem.get("expected", "")))
    if expected and error == "url_scheme":
        return f"{expected[0]}://nobody:none@127.0.0.1:1/none"
    return expected[0] if expected and "missing" not in error else _BY_ERROR.get(error)


def _by_kind(kind: str, name: str) -> str | None:
    if "list[" in kind.lower() or "set[" in kind.lower():
        return '["https://checked.example"]' if "str" in kind or "Url" in kind else "[]"
    if kind in {"<class 'int'>", "<class 'float'>"}:
        return "1" if name.endswith("PORT") else "30"
    known = {"Postgres": "postgresql://nobody:none@127.0.0.1:1/none", "RedisDsn": "redis://127.0.0.1:1/0"}
    known["<class 'bool'>"] = "false"
    return next((value for part, value in known.items() if part in kind), None)
