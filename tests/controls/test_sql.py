"""SQL from outside values: on real SQLite and real PostgreSQL."""

from __future__ import annotations

import builtins
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastness.controls import sql
from fastness.core.errors import MissingExtra, Refused
from fresh_database import fresh_url

pytestmark = pytest.mark.anyio

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
INJECTIONS = (ATTACKS / "sqli.txt").read_text("utf-8").splitlines()
NAMES = ["ada", "Adam", "100%", "50_50", "a/b", "back\\slash", "zoë"]


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


SORTS = {"name": Person.name, "id": Person.id}


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    async with fresh_url(request.param, tmp_path) as url:
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(Person.__table__.insert(), [{"name": name} for name in NAMES])  # type: ignore[attr-defined]
            await connection.commit()
            yield connection
        await engine.dispose()


async def names(db: AsyncConnection, *where: ColumnElement[bool]) -> list[str]:
    return list(await db.scalars(select(Person.name).where(*where).order_by(Person.id)))


async def test_injections_as_values_find_nothing_and_change_nothing(db: AsyncConnection) -> None:
    for attack in INJECTIONS:
        for condition in (sql.contains, sql.starts_with):
            try:
                found = await names(db, condition(Person.name, attack))
            except Refused as refused:
                assert (refused.status, refused.code) == (422, "bad_search_term")  # noqa: PT017 - the loop goes on
                continue
            assert found == [name for name in NAMES if attack.lower() in name.lower()]
        value = {"name": attack.replace("\0", "")}
        assert (await db.execute(sql.query("SELECT id FROM person WHERE name = :name"), value)).all() == []

    assert await names(db) == NAMES


async def test_injections_as_names_are_refused_before_any_sql(db: AsyncConnection) -> None:
    for attack in [*INJECTIONS, "", "-", "--name", "name ", " name", "NAME", "name;", "name desc", "-id,name", "\0"]:
        with pytest.raises(sql.UnknownSort):
            sql.order_by(attack, SORTS)
        with pytest.raises(sql.UnknownName):
            sql.identifier(attack, SORTS)

    assert await names(db) == NAMES


async def test_wildcards_mean_themselves(db: AsyncConnection) -> None:
    assert await names(db, sql.contains(Person.name, "%")) == ["100%"]
    assert await names(db, sql.contains(Person.name, "_")) == ["50_50"]
    assert await names(db, sql.contains(Person.name, "/")) == ["a/b"]
    assert await names(db, sql.contains(Person.name, "\\")) == ["back\\slash"]
    assert await names(db, sql.starts_with(Person.name, "%")) == []
    assert await names(db, sql.starts_with(Person.name, "50_")) == ["50_50"]
    assert await names(db, sql.starts_with(Person.name, "_____")) == []


async def test_search_ignores_case_and_a_prefix_is_a_prefix(db: AsyncConnection) -> None:
    assert await names(db, sql.starts_with(Person.name, "AD")) == ["ada", "Adam"]
    assert await names(db, sql.contains(Person.name, "DA")) == ["ada", "Adam"]
    assert await names(db, sql.starts_with(Person.name, "dam")) == []


@pytest.mark.parametrize("term", ["", "\0", "ada\0", "\ud800", "a" * 257, "a" * 100_000], ids=lambda x: ascii(x)[:20])
async def test_terms_that_a_database_answers_with_an_error_are_refused(db: AsyncConnection, term: str) -> None:
    for condition in (sql.contains, sql.starts_with):
        with pytest.raises(sql.BadSearchTerm):
            await names(db, condition(Person.name, term))


async def test_the_longest_term_full_of_wildcards_is_answered(db: AsyncConnection) -> None:
    assert await names(db, sql.contains(Person.name, "%_" * 128)) == []


async def test_every_naughty_string_is_answered_or_refused(db: AsyncConnection) -> None:
    for case in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8")):
        try:
            await names(db, sql.contains(Person.name, case["s"]))
        except sql.BadSearchTerm:
            assert not 0 < len(case["s"]) <= 256 or "\0" in case["s"]


async def test_allowed_orders_sort_both_ways(db: AsyncConnection) -> None:
    up = list(await db.scalars(select(Person.id).order_by(sql.order_by("id", SORTS))))
    down = list(await db.scalars(select(Person.id).order_by(sql.order_by("-id", SORTS))))

    assert up == sorted(up)
    assert down == up[::-1]


async def test_query_runs_a_literal_with_bound_values(db: AsyncConnection) -> None:
    row = await db.execute(sql.query("SELECT name FROM person WHERE name = :name"), {"name": "ada"})

    assert row.scalar_one() == "ada"
    assert await db.scalar(select(func.count()).select_from(Person)) == len(NAMES)


async def test_an_unknown_sort_tells_the_client_what_is_allowed() -> None:
    with pytest.raises(sql.UnknownSort) as refusal:
        sql.order_by("password; DROP TABLE person", SORTS)

    assert (refusal.value.status, refusal.value.code) == (422, "unknown_sort")
    assert refusal.value.members == {"allowed": ["id", "name"]}
    assert "DROP" not in str(refusal.value)


async def test_nothing_is_allowed_by_an_empty_list() -> None:
    with pytest.raises(sql.UnknownSort):
        sql.order_by("name", {})
    with pytest.raises(sql.UnknownName):
        sql.identifier("name", [])


async def test_an_identifier_is_the_sources_own_string() -> None:
    class Liar(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "name; DROP TABLE person"

    ours = "name"
    assert sql.identifier(Liar("name"), [ours]) is ours


async def test_without_sqlalchemy_the_install_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sqlalchemy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=re.escape('pip install "fastness[service]"')):
        sql.query("SELECT 1")


async def test_importing_the_module_loads_no_sqlalchemy() -> None:
    program = "import sys, fastness.controls.sql; print('sqlalchemy' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: ASYNC221

    assert ran.stdout.strip() == "False"


async def test_pyright_refuses_text_that_is_not_in_the_source(tmp_path: Path) -> None:
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent))
    if pyright is None:
        pytest.skip("pyright belongs to the dev group")
    (tmp_path / "attempt.py").write_text(
        "from fastness.controls.sql import query\n"
        "name = input()\n"
        "query('SELECT 1 WHERE id = :id' + ' AND TRUE')\n"
        "query(f\"SELECT 1 WHERE name = '{name}'\")\n"
        "query('SELECT 1 WHERE name = ' + name)\n"
        "query('SELECT 1 WHERE name = %s' % name)\n"
        "query('SELECT 1 WHERE name = {}'.format(name))\n"
    )

    command = [pyright, "--pythonpath", sys.executable, "--outputjson", "attempt.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: ASYNC221

    found = json.loads(ran.stdout)["generalDiagnostics"]
    assert [x["range"]["start"]["line"] + 1 for x in found] == [4, 5, 6, 7]
    assert {x["rule"] for x in found} == {"reportArgumentType"}
