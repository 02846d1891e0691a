"""Text that becomes another address, another query or a minute of work."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic_core import PydanticCustomError
from sqlalchemy import column

import fastness
from accounts.serving import PASSWORD, bearer, serving
from fastness import Settings, public, secure
from fastness.accounts.mail import Mail
from fastness.controls.fields import canonical_email
from fastness.controls.fields.display_name import check_display_name
from fastness.controls.fields.email_address import check_email
from fastness.controls.fields.paging import check_search
from fastness.controls.fields.text import PlainText
from fastness.controls.sql import UnknownName, UnknownSort, identifier, order_by
from proof.advisories.advisory import advisory, package
from proof.advisories.front import visiting
from proof.corpora import strings
from token_forge import ATTACKS

pytestmark = pytest.mark.anyio
parser: Any = import_module("re._parser")  # the only reader of a pattern's own structure

ADDRESSES: list[dict[str, Any]] = json.loads((ATTACKS / "email_addresses.json").read_text())
COLLISIONS: list[dict[str, Any]] = json.loads((ATTACKS / "unicode_ascii_collisions.json").read_text())
REDOS: list[dict[str, Any]] = json.loads((ATTACKS / "redos.json").read_text())
EMAIL = "controls/fields/email_address.py"


def accepted(check: Callable[[str], Any], text: str) -> Any:
    """What the check makes of a text, or None when it refuses it."""
    try:
        return check(text)
    except PydanticCustomError:
        return None


def evil(target: str | None = None) -> Iterator[str]:
    """The strings of redos.json at 50,000 characters, for one kind of field or for all."""
    for case in REDOS:
        if target in {None, case["target"]}:
            yield case["prefix"] + case["repeat"] * (50_000 // len(case["repeat"])) + case["suffix"]


def seconds(work: Callable[[], object]) -> float:
    """Of this thread, the best of three: a busy machine is no flaw."""
    took = []
    for _ in range(3):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
        if took[-1] < 0.25:
            break
    return min(took)


@advisory(64, "GHSA-7rqj-j65f-68wh", without=[package(EMAIL, ' if chr(code) != "\\uff20"}', "}")])
def test_ghsa_7rqj_j65f_68wh_an_address_is_normalised_once_and_then_checked() -> None:
    spelled = [case["address"] for case in ADDRESSES]
    for case in COLLISIONS:
        for plain in {case["maps_to"].get("nfkc"), case["maps_to"].get("nfkc_casefold")} - {None}:
            spelled += ["ada@example.com".replace(plain, case["char"], 1)]
            spelled += [f"ada{case['char']}example.com", f"eve@evil.example{case['char']}example.com"]

    for typed in spelled:
        kept = accepted(check_email, typed)
        if kept is None:
            continue
        assert kept.count("@") == 1, typed
        assert check_email(kept) == kept, typed
        assert canonical_email(kept) == canonical_email(typed), typed
        local, _, domain = typed.strip().rpartition("@")
        assert local, f"{typed!a} got its @ from another letter"
        assert unicodedata.normalize("NFKC", kept) == kept, typed
        assert kept.rpartition("@")[2].isascii()
        assert "@" not in domain
    for case in ADDRESSES:
        other = re.fullmatch(r"never-same-as (\S+@\S+)", case.get("expect", ""))
        if other is not None:
            assert canonical_email(case["address"]) != other[1]


@advisory(
    65,
    "CVE-2026-53878",
    # Two walls: our own look at the letters, and the parser that sees what is left.
    without=[
        package(EMAIL, 'return domain if domain.isprintable() and " " not in domain else None', "return domain"),
        package(EMAIL, "validate_email(address, check", 'validate_email("ada@example.com", check'),
    ],
    also=[
        [
            package(EMAIL, 'return local.isprintable() and " " not in local', "return True"),
            package(EMAIL, "validate_email(address, check", 'validate_email("ada@example.com", check'),
        ],
        [package(EMAIL, '.strip(" "))', ".strip())")],
    ],
)
async def test_cve_2026_53878_no_address_ends_or_breaks_a_header(tmp_path: Path) -> None:
    breaks = "\n\r\x0b\x0c\x00\x1c\x85\u2028\u2029"
    hostile = [f"ada@example.com{mark}" for mark in breaks] + [f"ada@exam{mark}ple.com" for mark in breaks]
    hostile += [f"a{mark}da@example.com" for mark in breaks] + [f"{mark}ada@example.com" for mark in breaks]
    hostile += ["ada@example.com\r\nBcc: eve@example.com", "ada@example.com\nBcc:eve@example.com"]
    hostile += [
        f"ada@example.com{line.decode('utf-8', 'replace')}"
        for line in strings("header_injection.txt")
        if len(line) < 200
    ]

    assert [text for text in hostile if accepted(check_email, text) is not None] == []
    with pytest.raises(ValueError, match="linefeed"):
        Mail("ada@example.com\nBcc: eve@example.com", "Subject", "text").message("accounts@example.com")
    async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
        for text in hostile[:20]:
            given = {"email": text, "password": PASSWORD, "name": "Ada"}
            assert (await served.client.post("/auth/register", json=given)).status_code == 422, text
        assert served.mails == []


@advisory(
    67,
    "CVE-2023-36053",
    without=[
        package(EMAIL, "if len(value) > _LONGEST:", "if not value:"),
        package(EMAIL, "if len(address) > 2 * _LONGEST:", "if not address:"),
    ],
)
def test_cve_2023_36053_an_endless_address_costs_nothing() -> None:
    endless = [*evil("email"), *evil("unicode"), "a@" + "a." * 25_000, "@" * 50_000, "x" * 10**6 + "@example.com"]
    endless += ["\u0315\u0300" * 25_000 + "@example.com", "a@" + "\u0315\u0300" * 25_000]

    for text in endless:
        assert seconds(partial(accepted, check_email, text)) < 0.05
        assert seconds(partial(canonical_email, text)) < 0.05


@advisory(68, "CVE-2025-61928", without=[package("controls/fields/model.py", 'extra="forbid"', 'extra="ignore"')])
async def test_cve_2025_61928_an_id_in_the_body_is_nobody(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
        victim, ada = await served.account("victim@example.com"), await served.account("ada@example.com")
        headers = bearer(await served.login("ada@example.com"))
        before = (await served.client.get("/profile", headers=headers)).json()

        for name in ("id", "user_id", "userId", "sub", "owner", "account_id", "email", "role"):
            renamed = await served.client.patch("/profile", headers=headers, json={"name": "Eve", name: victim})
            deleted = await served.client.request(
                "DELETE", "/account", headers=headers, json={"password": PASSWORD, name: victim}
            )
            assert (renamed.status_code, deleted.status_code) == (422, 422), name
        after = (await served.client.get("/profile", headers=headers)).json()
        count = await served.users()

    assert (before, before["id"], count) == (after, ada, 2)


@advisory(
    70,
    "CVE-2025-64459",
    # As `filter(**request.GET)` did it: each name that came is a condition, and what it finds tells about a column.
    without=[
        package("controls/fields/paging.py", 'extra="forbid"', 'extra="allow"'),
        package(
            "accounts/api/users.py",
            "    return People.of(page)\n",
            "    for name, value in (paging.model_extra or {}).items():\n"
            '        column, _, how = name.partition("__")\n'
            "        rows = [(one, str(getattr(one, column, value))) for one in page.items]\n"
            "        kept = tuple(one for one, held in rows if held == value or (how and held.startswith(value)))\n"
            "        page = type(page)(kept, page.next, page.total)\n"
            "    return People.of(page)\n",
        ),
    ],
    also=[[package("controls/fields/paging.py", 'extra="forbid"', 'extra="ignore"')]],
)
async def test_cve_2025_64459_a_query_has_no_names_of_its_own(tmp_path: Path) -> None:
    names = [
        "role",
        "role__in",
        "password_hash__startswith",
        "_connector",
        "_negated",
        "id",
        "limit__gt",
        "where",
        "$where",
    ]
    names += [name.decode("utf-8", "replace")[:100] for name in strings("sqli.txt")[:60]]

    async with serving(f"sqlite:///{tmp_path}/accounts.db") as served:
        headers = await served.signed_in("root@example.com", role="admin")
        for name in names:
            answers = [
                await served.client.get("/users", params={"limit": "5", name: value}, headers=headers)
                for value in ("admin", "$argon2", "nothing has this value")
            ]
            found = [answer.json().get("items") for answer in answers]
            assert found[0] == found[1] == found[2], f"{name} tells about a column"
            assert {answer.status_code for answer in answers} == {422}, name


@advisory(
    71,
    "CVE-2026-1287",
    "CVE-2026-1312",
    "CVE-2025-57833",
    without=[
        package(
            "controls/sql/names.py",
            'column = allowed.get(value.removeprefix("-"))\n',
            'from sqlalchemy import literal_column\n    column = allowed.get(value.removeprefix("-"), literal_column(value))\n',
        )
    ],
)
def test_cve_2026_1287_a_name_that_the_source_does_not_know_is_no_sql() -> None:
    allowed: dict[str, Any] = {"name": column("name"), "created_at": column("created_at")}
    hostile = [text.decode("utf-8", "replace") for text in strings("sqli.txt")]
    hostile += [
        "name; DROP TABLE people",
        "name desc",
        "-name--",
        "NAME",
        "name ",
        '"name"',
        "",
        "-",
        "--name",
        "name.x",
    ]

    for text in hostile:
        with pytest.raises(UnknownSort):
            order_by(text, allowed)
        with pytest.raises(UnknownName):
            identifier(text, allowed)
    assert str(order_by("-name", allowed)) == "name DESC"


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every compiled pattern of the package, with where it stands."""

    def found(value: object, place: str, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
        if isinstance(value, re.Pattern):
            yield place, value
        elif depth and isinstance(value, (tuple, list)):
            for item in value:
                yield from found(item, place, depth - 1)

    for module in walk_packages(fastness.__path__, "fastness."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        loaded = import_module(module.name)
        for name, value in vars(loaded).items():
            yield from found(value, f"{module.name}.{name}", 2)


def nested(parsed: Any, *, inside: bool = False) -> bool:
    """Whether an unbounded repeat stands inside another one, as in `(a+)+`."""
    for kind, argument in parsed:
        name = str(kind)
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            _, most, inner = argument
            unbounded = most is parser.MAXREPEAT
            if unbounded and (inside or nested(inner, inside=True)):
                return True
            if nested(inner, inside=inside):
                return True
        elif name == "SUBPATTERN":
            if nested(argument[3], inside=inside):
                return True
        elif name == "BRANCH":
            if any(nested(branch, inside=inside) for branch in argument[1]):
                return True
        elif name in {"ASSERT", "ASSERT_NOT"} and nested(argument[1], inside=False):
            return True
    return False


DELIMITED = {
    "fastness.controls.cors.settings._PATTERN": "reads settings at the start, and each inner repeat ends in a bracket",
    "fastness.controls.secrets.report._PLAIN_TYPES": "each repeat begins with _, which the inner one cannot hold",
    "fastness.controls.oddities._PLAIN": "each repeat begins with a slash, which the inner one cannot hold",
}
"""Patterns that repeat a repeat where only one way of reading exists, with the reason; they are timed all the same."""


WHOLE = {"fastness.controls.sql.literals._ALONE"}
"""Patterns that are only ever matched with a whole text; to search with them would be quadratic."""


def tried(place: str, pattern: re.Pattern[Any], text: Any) -> None:
    # A whole match is tried at any length; what is searched is never longer than 2 KB.
    pattern.fullmatch(text)
    if place not in WHOLE:
        pattern.search(text[:2048])


@advisory(
    84,
    "CVE-2025-53539",
    without=[package("controls/request_id.py", 'rb"[A-Za-z0-9._-]{8,64}"', 'rb"(?:[A-Za-z0-9._-]+)+"')],
    # Not a repeat of a repeat, and quadratic all the same: only the clock sees it.
    also=[[package("controls/request_id.py", 'rb"[A-Za-z0-9._-]{8,64}"', 'rb"[A-Za-z0-9._-]*[A-Za-z0-9._-]*:"')]],
)
def test_cve_2025_53539_no_pattern_of_ours_can_be_made_to_run_on() -> None:
    every = dict(patterns())
    texts = [text[:20_000] for text in evil()]

    assert len(every) > 20
    for place, pattern in every.items():
        if place not in DELIMITED:
            assert not nested(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)), f"{place} repeats a repeat"
        for text in texts:
            given: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
            took = seconds(partial(tried, place, pattern, given))
            assert took < 0.25, (place, text[:20])


@advisory(
    93,
    "CVE-2024-38875",
    without=[package("controls/fields/text.py", "if len(value) > 4 * self.longest:", "if not self.longest:")],
)
def test_cve_2024_38875_text_of_any_length_is_looked_at_in_no_time() -> None:
    markup = [text.decode("utf-8", "replace") for text in strings("xss.txt")[:40]]
    endless = [*evil(), *((text * 50_000)[:50_000] for text in markup)]
    # The normaliser sorts marks one by one: two classes in turn are its worst case.
    endless += ["a" + "\u0315\u0300" * 25_000, "<" * 50_000, "&" * 50_000, "www." * 12_500, "(" * 50_000]
    checks: list[Callable[[str], Any]] = [check_display_name, check_search, PlainText(500, lines=True).clean]

    for check in checks:
        for text in endless:
            took = seconds(partial(accepted, check, text))
            assert took < 0.25, (check, text[:20])


class Account(BaseModel):
    email: str
    password: str
    age: int


@advisory(
    94,
    "FastAPI's default 422",
    without=[
        package("controls/problems/handlers.py", "            RequestValidationError: self._on_invalid_input,\n", "")
    ],
    crashes=["ValueError", "UnicodeEncodeError"],  # FastAPI's own answer cannot write what it echoes
)
async def test_fastapi_s_default_422_nothing_of_the_input_comes_back() -> None:
    app = FastAPI()
    secure(app, Settings(environment="development"))

    @app.post("/register")
    @public("a form")
    async def register(given: Account) -> None: ...

    bodies: list[bytes] = [
        b'{"email":"a@example.com","password":"hunter2-canary"}',
        b'{"email":1,"password":["hunter2-canary"],"age":"hunter2-canary"}',
        b'{"password":"hunter2-canary","age":NaN}',
        b'{"password":"hunter2-canary \\ud800","age":1}',
        b'["hunter2-canary"]',
        b'"hunter2-canary"',
        b'{"password":"hunter2-canary"',
        b'{"email":{"hunter2-canary":"' + b"x" * 900_000 + b'"}}',
    ]
    async with visiting(app) as http:
        answers = [
            await http.post("/register", content=body, headers={"Content-Type": "application/json"}) for body in bodies
        ]

    for body, answer in zip(bodies, answers, strict=True):
        assert answer.status_code == 422, body[:60]
        assert "canary" not in answer.text
        assert "input" not in answer.json()["errors"][0]
        assert len(answer.content) <= 4096
