"""Text that reaches the database as it was handed over is looked at, wherever SQLAlchemy takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    DDL,
    Column,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    column,
    create_engine,
    delete,
    extract,
    func,
    insert,
    literal_column,
    quoted_name,
    select,
    table,
    text,
    update,
    values,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import (
    DeclarativeBase,
    Load,
    Mapped,
    Session,
    contains_eager,
    immediateload,
    joinedload,
    lazyload,
    mapped_column,
    query_expression,
    relationship,
    selectinload,
    subqueryload,
    with_expression,
    with_loader_criteria,
)
from sqlalchemy.schema import CreateTableAs

from fastness.controls.sql import UnboundValue, guard
from fastness.controls.sql.fragments import texts

VALUE = "ad" + "a".lower()
PLAIN = Table("plain", MetaData(), Column("id", Integer), Column("name", String))


class Base(DeclarativeBase):
    pass


class Part(Base):
    __tablename__ = "part"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))
    title: Mapped[str]


class Owner(Base):
    __tablename__ = "owner"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    parts: Mapped[list[Part]] = relationship()
    kinds: Mapped[list[Part]] = relationship(
        primaryjoin="and_(Owner.id == Part.owner_id, Part.title != literal_column(\"'x' || 'y'\"))", viewonly=True
    )
    told: Mapped[str | None] = query_expression()


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    Base.metadata.create_all(made)
    with Session(made) as session, session.begin():
        session.add(Owner(id=1, name="ada", parts=[Part(id=1, title="secret")]))
    guard(made)
    yield made
    made.dispose()


def criteria() -> Any:
    return Owner.parts.and_(text(f"part.title = '{VALUE}'"))


ORM: dict[str, Callable[[], Any]] = {
    "joinedload": lambda: select(Owner).options(joinedload(Owner.parts.and_(literal_column(f"'{VALUE}' || ''") == "x"))),
    "selectinload": lambda: select(Owner).options(selectinload(criteria())),
    "subqueryload": lambda: select(Owner).options(subqueryload(criteria())),
    "immediateload": lambda: select(Owner).options(immediateload(criteria())),
    "lazyload": lambda: select(Owner).options(lazyload(criteria())),
    "Load": lambda: select(Owner).options(Load(Owner).selectinload(criteria())),
    "with_loader_criteria": lambda: select(Owner).options(with_loader_criteria(Owner, literal_column(f"'{VALUE}' || ''") == Owner.name)),
    "criteria of a nested select": lambda: (
        select(Owner)
        .where(Owner.id.in_(select(Part.owner_id)))
        .options(with_loader_criteria(Part, literal_column(f"'{VALUE}' || ''") == Part.title))
    ),
    "with_expression": lambda: select(Owner).options(with_expression(Owner.told, literal_column(f"'{VALUE}' || ''"))),
    "with_statement_hint": lambda: select(Owner).with_statement_hint(f"UNION SELECT 2, '{VALUE}'"),
    "rows of an insert": lambda: insert(Owner).values([{"id": 2, "name": "b"}, {"id": 3, "name": text(f"'{VALUE}' || ''")}]),
}  # fmt: skip


@pytest.mark.parametrize("way", ORM)
def test_text_that_the_orm_takes_is_refused(engine: Engine, way: str) -> None:
    with Session(engine) as session, pytest.raises(UnboundValue):
        session.execute(ORM[way]()).unique().all()


STATEMENT = select(PLAIN.c.id)
BROKEN = f"x'{VALUE}' OR "
CORE: dict[str, Callable[[], Any]] = {
    "with_statement_hint": lambda: STATEMENT.with_statement_hint(BROKEN),
    "with_hint": lambda: STATEMENT.with_hint(PLAIN, BROKEN),
    "with_hint inside": lambda: select(STATEMENT.with_hint(PLAIN, BROKEN).subquery()),
    "update with_hint": lambda: update(PLAIN).values(id=1).with_hint(BROKEN),
    "delete with_hint": lambda: delete(PLAIN).with_hint(BROKEN),
    "prefix_with": lambda: STATEMENT.prefix_with(BROKEN),
    "suffix_with": lambda: STATEMENT.suffix_with(BROKEN),
    "prefix of a CTE": lambda: select(STATEMENT.cte("x").prefix_with(BROKEN)),
    "insert prefix_with": lambda: insert(PLAIN).prefix_with(BROKEN),
    "is_literal": lambda: select(column(BROKEN, is_literal=True)),
    "operator": lambda: select(PLAIN.c.id.op(BROKEN)(1)),
    "extract": lambda: select(extract(BROKEN, PLAIN.c.id)),
    "column without quotes": lambda: select(column(quoted_name(BROKEN, quote=False))),
    "table without quotes": lambda: select(column("a")).select_from(table(quoted_name(BROKEN, quote=False))),
    "schema without quotes": lambda: select(
        table("a", column("a"), schema=quoted_name(BROKEN, quote=False))  # type: ignore[arg-type,unused-ignore]
    ),
    "alias without quotes": lambda: select(PLAIN.alias(quoted_name(BROKEN, quote=False))),
    "label without quotes": lambda: select(PLAIN.c.id.label(quoted_name(BROKEN, quote=False))),
    "function without quotes": lambda: select(getattr(func, quoted_name(BROKEN, quote=False))(1)),
    "values": lambda: select(values(column("a", Integer), name="v").data([(1,), (text(BROKEN),)])),
    "rows": lambda: insert(PLAIN).values([{"id": 1}, {"id": text(BROKEN)}]),
    "on conflict": lambda: (
        upsert(PLAIN).values(id=1).on_conflict_do_update(index_elements=["id"], set_={"id": 1}, where=text(BROKEN))
    ),
    "conflict": lambda: upsert(PLAIN).values(id=1).on_conflict_do_nothing(index_elements=[text(BROKEN)]),
    "distinct on": lambda: STATEMENT.ext(postgresql.distinct_on(text(BROKEN))),
    "lateral": lambda: select(STATEMENT.where(text(BROKEN)).lateral("x")),
    "aggregate": lambda: select(func.count().filter(text(BROKEN))),
    "create table as": lambda: CreateTableAs(STATEMENT.where(text(BROKEN)), "more"),
    "DDL that defines nothing": lambda: DDL(f"DELETE FROM plain WHERE name = '{VALUE}'"),  # type: ignore[no-untyped-call,unused-ignore]
}


class Context:
    """As much of an execution context as the look needs, for dialects that are not connected."""

    def __init__(self, statement: Any) -> None:
        self.compiled, self.invoked_statement = self, statement
        self.statement = statement


@pytest.mark.parametrize("way", CORE)
def test_text_that_core_takes_is_found(way: str) -> None:
    assert any(VALUE in found for found in texts("", Context(CORE[way]())))


def test_a_hint_brings_no_row_of_somebody_else(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(UnboundValue):
        connection.execute(select(Owner.name).with_statement_hint(f"UNION SELECT '{VALUE}'"))


def test_what_the_model_says_and_what_the_source_says_passes(engine: Engine) -> None:
    with Session(engine) as session:
        statement = select(Owner).options(joinedload(Owner.kinds), selectinload(Owner.parts.and_(Part.title != "x")))
        [owner] = session.scalars(statement).unique()
        assert [part.title for part in (*owner.kinds, *owner.parts)] == ["secret", "secret"]
        for option in (
            with_loader_criteria(Owner, literal_column("'a' || 'da'") == Owner.name),
            with_loader_criteria(Owner, lambda model: model.name == literal_column("'a' || 'da'")),
        ):
            assert session.scalars(select(Owner.name).options(option)).all() == ["ada"]
        assert session.scalars(select(Owner).join(Owner.parts).options(contains_eager(Owner.parts))).unique().all()
        assert session.scalar(select(Owner.name).with_statement_hint("LIMIT 1")) == "ada"
        assert session.scalar(select(extract("year", func.now())))
        session.execute(insert(Owner).values([{"id": 4, "name": "b"}, {"id": 5, "name": func.lower("'C'")}]))
    with engine.begin() as connection:
        connection.execute(CREATED)


CREATED = DDL(  # type: ignore[no-untyped-call,unused-ignore]
    "CREATE TRIGGER grown AFTER INSERT ON owner BEGIN "
    "INSERT INTO part (owner_id, title) VALUES (new.id, 'first'); DELETE FROM part WHERE title = 'second'; END"
)
