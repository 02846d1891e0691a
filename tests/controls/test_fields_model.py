"""Request bodies: nothing unknown, nothing coerced, nothing that cannot be written back."""

# ruff: noqa: RUF012 - Pydantic copies mutable defaults
from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel, Field, JsonValue, TypeAdapter, ValidationError

from fastness.controls.fields import Email, NewPassword, StrictModel

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"


class Colour(enum.Enum):
    RED = "red"


class Item(StrictModel):
    count: int
    label: str = "x"


class Nested(BaseModel):
    """Somebody else's model: its rules are its own."""

    count: int


class Tree(StrictModel):
    value: int
    children: list[Tree] = []


class Cat(StrictModel):
    kind: Literal["cat"]
    lives: int


class Dog(StrictModel):
    kind: Literal["dog"]
    tricks: int


class Everything(StrictModel):
    number: int = 0
    ratio: float = 0.0
    text: str = ""
    flag: bool = False
    maybe: int | None = None
    either: int | str = 0
    numbers: list[int] = []
    pair: tuple[int, str] = (0, "")
    by_name: dict[str, int] = {}
    bounded: Annotated[int, Field(ge=0, le=10)] = 0
    anything: Any = None
    json_value: JsonValue = None
    when: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    day: dt.date = dt.date(2026, 1, 1)
    id: uuid.UUID = uuid.UUID(int=0)
    price: Decimal = Decimal(0)
    colour: Colour = Colour.RED
    unique: set[int] = set()
    item: Item = Item(count=0)
    foreign: Nested = Nested(count=0)
    animal: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat(kind="cat", lives=9)
    type: str = ""


@pytest.mark.parametrize(
    "body",
    [
        {"number": "1"},
        {"number": 1.0},
        {"number": True},
        {"ratio": "1.5"},
        {"ratio": True},
        {"text": 1},
        {"text": True},
        {"flag": 1},
        {"flag": "true"},
        {"maybe": "1"},
        {"either": 1.5},
        {"numbers": ["1"]},
        {"numbers": [True]},
        {"pair": ["1", "a"]},
        {"pair": [1, 2]},
        {"by_name": {"a": "1"}},
        {"bounded": "1"},
        {"bounded": 11},
        {"unique": ["1"]},
        {"item": {"count": "1"}},
        {"item": {"count": 1, "extra": 1}},
        {"animal": {"kind": "dog", "tricks": "1"}},
        {"animal": {"kind": "cat", "lives": True}},
        {"type": 1},
        {"unknown": 1},
        {"__class__": 1},
    ],
    ids=str,
)
def test_a_body_is_not_guessed_at(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate(body)


def test_what_json_writes_as_text_is_still_read_from_text() -> None:
    given = Everything.model_validate(
        {
            "when": "2026-11-23T12:00:00Z",
            "day": "2026-11-23",
            "id": "12345678-1234-5678-1234-567812345678",
            "price": "9.99",
            "colour": "red",
            "pair": [1, "a"],
            "unique": [1, 2],
            "ratio": 2,
            "foreign": {"count": "3"},
            "animal": {"kind": "dog", "tricks": 2},
        }
    )

    assert given.when.year == 2026
    assert given.day == dt.date(2026, 11, 23)
    assert given.price == Decimal("9.99")
    assert (given.colour, given.unique, given.ratio, given.foreign.count) == (Colour.RED, {1, 2}, 2.0, 3)


def test_a_body_means_the_same_as_text_and_as_parsed_json() -> None:
    body = {"number": 1, "when": "2026-11-23T12:00:00Z", "anything": {"a": [1, "b", None]}, "json_value": [{"c": 1.5}]}

    assert Everything.model_validate(body) == Everything.model_validate_json(json.dumps(body))


@pytest.mark.parametrize(
    "body",
    [
        {"ratio": float("nan")},
        {"ratio": float("inf")},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"anything": float("nan")},
        {"anything": {"a": [{"b": float("-inf")}]}},
        {"json_value": {"a": [float("nan")]}},
        {"text": "\ud800"},
        {"either": "a\udfff"},
        {"by_name": {"\ud800": 1}},
        {"anything": ["\ud800"]},
        {"anything": {"\ud800": 1}},
        {"json_value": {"a": ["\ud800"]}},
        {"json_value": {"\ud800": 1}},
        {"item": {"count": 1, "label": "\ud800"}},
        {"type": "\ud800"},
    ],
    ids=ascii,
)
def test_what_json_and_utf8_cannot_carry_back_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate(body)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["ratio", "anything", "json_value"])
def test_numbers_that_are_none_are_refused_in_json_text_too(field: str, number: str) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate_json(f'{{"{field}": {number}}}')


def test_recursive_and_inherited_models_stay_strict() -> None:
    class Leaf(Tree):
        extra: str = ""

    assert Tree.model_validate({"value": 1, "children": [{"value": 2}]}).children[0].value == 2
    for model in (Tree, Leaf):
        with pytest.raises(ValidationError):
            model.model_validate({"value": 1, "children": [{"value": "2"}]})
    with pytest.raises(ValidationError):
        Leaf.model_validate({"value": 1, "extra": "\ud800"})


def test_a_value_is_looked_at_once_however_often_its_model_is_used() -> None:
    class Inner(StrictModel):
        anything: Any
        text: str

    class Outer(StrictModel):
        inner: Inner
        inners: list[Inner]

    TypeAdapter(list[Inner])
    TypeAdapter(dict[str, Outer])

    # Pydantic hands the finished schema of Inner to every user of it: checks must not pile up there.
    assert str(Inner.__pydantic_core_schema__).count("function-after") == 2


def test_a_field_may_ask_for_leniency_by_name() -> None:
    class Loose(StrictModel):
        number: Annotated[int, Field(strict=False)]

    assert Loose.model_validate({"number": "1"}).number == 1


def test_secret_fields_are_masked_in_repr_and_errors() -> None:
    class Settings(StrictModel):
        password: str
        apiKey: str  # noqa: N815 - clients write JSON like this
        api_key: str
        new_password: NewPassword
        refresh_token: str | None = None
        name: str = "ada"

    given = Settings(password="hunter2", apiKey="hunter2", api_key="hunter2", new_password="hunter2")  # type: ignore[arg-type]
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"password": ["hunter2"], "hunter2": "hunter3"})

    assert "hunter2" not in repr(given) + str(given)
    assert "refresh_token=None" in repr(given)
    assert "name='ada'" in repr(given)
    assert "['hunter2']" not in str(refusal.value)
    assert "hunter3" not in str(refusal.value)


def test_mass_assignment_bodies_are_refused() -> None:
    class Profile(StrictModel):
        email: Email | None = None
        name: str | None = None

    for case in json.loads((ATTACKS / "mass_assignment.json").read_text("utf-8")):
        with pytest.raises(ValidationError):
            Profile.model_validate({"name": "ada", case["field"]: case["value"]})


def test_the_schema_is_that_of_an_ordinary_model() -> None:
    class Plain(BaseModel):
        number: int
        text: Annotated[str, Field(max_length=5)]
        names: dict[str, list[int]]
        anything: Any = None

    class Strict(StrictModel):
        number: int
        text: Annotated[str, Field(max_length=5)]
        names: dict[str, list[int]]
        anything: Any = None

    plain, strict = Plain.model_json_schema(), Strict.model_json_schema()

    assert strict.pop("additionalProperties") is False
    assert strict["properties"] == plain["properties"]
    assert strict["required"] == plain["required"]


def test_serialising_gives_back_what_was_sent() -> None:
    body = {"count": 3, "label": "é"}

    assert TypeAdapter(list[Item]).dump_python([Item.model_validate(body)]) == [body]
    assert json.loads(Item.model_validate(body).model_dump_json()) == body


@pytest.mark.anyio
async def test_fastapi_reads_a_strict_body_and_refuses_a_loose_one() -> None:
    app = FastAPI()

    @app.post("/items")
    async def create(item: Everything) -> int:
        return item.number

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        good = await client.post("/items", json={"number": 1, "when": "2026-11-23T12:00:00Z"})
        loose = await client.post("/items", json={"number": "1"})
        unknown = await client.post("/items", json={"number": 1, "is_admin": True})
        document = await client.get("/openapi.json")

    assert (good.status_code, good.json()) == (200, 1)
    assert (loose.status_code, unknown.status_code) == (422, 422)
    assert document.status_code == 200
