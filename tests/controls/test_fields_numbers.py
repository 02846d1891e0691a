"""Telephone numbers and whole numbers: one form of each, and none that breaks what comes after."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fastness.controls.fields import Id, Int32, Int64, Phone, PhoneNumber
from fastness.core.errors import MissingExtra

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
NUMBER: TypeAdapter[str] = TypeAdapter(PhoneNumber)
GERMAN: TypeAdapter[str] = TypeAdapter(Annotated[str, Phone("DE")])


def accepted(adapter: TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+442079460018", "+442079460018"),
        ("+44 20 7946 0018", "+442079460018"),
        ("+44 (0)20-7946-0018", "+442079460018"),
        (" +49 30/12345678 ", "+493012345678"),
        ("＋４４２０７９４６００１８", "+442079460018"),
        ("+1 (202) 555-0143", "+12025550143"),
        ("+39 06 6982", "+39066982"),
    ],
)
def test_every_spelling_of_a_number_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert accepted(NUMBER, typed) == kept
    assert accepted(NUMBER, kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "+",
        "030 123456",
        "+44",
        "+442079460018;ext=1",
        "+44 20 7946 0018 x12",
        "tel:+442079460018",
        "+1-800-FLOWERS",
        "+999123456789",
        "+44207946001800000",
        "++442079460018",
        "+442079460018\n",
        "\u202e+442079460018",
        "+44\x002079460018",
        "+44207946" + " " * 50 + "0018",
        "+" + "1" * 10_000_000,
        "\ud800",
        442079460018,
        None,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_number_is_refused(typed: object) -> None:
    assert accepted(NUMBER, typed) is None


def test_a_country_may_be_left_out_where_it_is_known() -> None:
    assert accepted(GERMAN, "030 12345678") == "+493012345678"
    assert accepted(GERMAN, "+44 20 7946 0018") == "+442079460018"
    assert accepted(NUMBER, "030 12345678") is None


@pytest.mark.parametrize("typed", ["30000000000000", "20100000000000", "+4930000000000000"])
def test_a_number_of_a_national_plan_that_is_too_long_for_the_world_is_refused(typed: str) -> None:
    assert accepted(GERMAN, typed) is None


@given(st.text(alphabet="+0123456789 ()-./", max_size=40))
def test_what_is_kept_is_e164_and_stays_what_it_is(text: str) -> None:
    kept = accepted(GERMAN, text)

    assert kept is None or (re.fullmatch(r"\+[1-9][0-9]{1,14}", kept) and accepted(GERMAN, kept) == kept)


def test_every_hostile_string_is_answered_quickly_and_repeats_nothing() -> None:
    strings = [case["s"] for case in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8"))]
    long = json.loads((ATTACKS / "redos.json").read_text("utf-8"))
    strings += [case["prefix"] + case["repeat"] * case["count"] + case["suffix"] for case in long]
    for value in strings:
        begun = time.perf_counter()
        try:
            assert re.fullmatch(r"\+[1-9][0-9]{1,14}", NUMBER.validate_python(value))
        except ValidationError as error:
            told = error.errors(include_input=False, include_context=False)[0]["msg"]
            assert told.endswith(("extension", "surrogates"))
        assert time.perf_counter() - begun < 0.5


def test_an_unknown_country_is_refused_at_definition() -> None:
    for region in ("XX", "de", "Germany", ""):
        with pytest.raises(ValueError, match="two capital letters"):
            Phone(region)


def test_without_phonenumbers_the_install_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, package: str | None = None) -> Any:
        raise ImportError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", without)
        with pytest.raises(MissingExtra, match=re.escape('pip install "fastness[phone]"')):
            TypeAdapter(PhoneNumber)


def test_importing_the_fields_loads_neither_library() -> None:
    program = "import sys, fastness.controls.fields; print({'nh3', 'phonenumbers'} & set(sys.modules))"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "set()"


@pytest.mark.anyio
async def test_a_number_that_no_database_holds_is_a_422() -> None:
    app = FastAPI()

    @app.get("/orders/{order_id}")
    async def order(order_id: Id, small: Int32 = 0, large: Int64 = 0) -> int:
        return order_id + small + large

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        answers = [
            (await client.get(f"/orders/{path}")).status_code
            for path in (
                "1",
                "0",
                "-1",
                str(2**63 - 1),
                str(2**63),
                str(10**30),
                f"1?small={2**31}",
                f"1?large={2**63}",
            )
        ]
        document = (await client.get("/openapi.json")).json()

    assert answers == [200, 422, 422, 200, 422, 422, 422, 422]
    schema = document["paths"]["/orders/{order_id}"]["get"]["parameters"][0]["schema"]
    assert (schema["minimum"], schema["maximum"], schema["format"]) == (1, 2**63 - 1, "int64")


def test_numbers_of_one_hash_are_refused_before_they_meet_in_a_set() -> None:
    numbers = [n * (2**61 - 1) for n in range(1000)]

    with pytest.raises(ValidationError) as refused:
        TypeAdapter(set[Int64]).validate_python(numbers)

    # 2**63 - 1 is the largest: five of them are within, and there is nothing that the others are compared with.
    assert len({hash(number) for number in numbers}) == 1
    assert refused.value.error_count() == len(numbers) - 5


def test_schemas_say_what_is_wanted() -> None:
    assert NUMBER.json_schema()["format"] == "tel"
    assert GERMAN.json_schema()["examples"][0].startswith("+49")
