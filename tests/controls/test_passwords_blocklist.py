"""The packed blocklist: fresh, complete, and wrong as rarely as it says."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from fastness.controls.passwords.blocklist import LONGEST, PACKED, SHORTEST, Blocklist, fold, shipped

ROOT = Path(__file__).parents[2]
COMMON = (ROOT / "tests/data/attacks/passwords_top100k.txt").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_blocklist", ROOT / "tools/build_blocklist.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_file_is_what_the_script_makes(script: ModuleType, tmp_path: Path) -> None:
    script.main([str(script.LIST), str(tmp_path / "made.bin")])

    assert (tmp_path / "made.bin").read_bytes() == PACKED.read_bytes()


def test_the_order_of_the_list_does_not_matter(script: ModuleType) -> None:
    shuffled = random.Random(1).sample(COMMON, len(COMMON))

    assert script.pack(shuffled + COMMON[:100]) == PACKED.read_bytes()


def test_every_common_password_is_found() -> None:
    missing = [word for word in COMMON if len(fold(word)) >= SHORTEST and fold(word) not in shipped()]

    assert missing == []
    assert len(shipped()) == len({fold(word) for word in COMMON if len(fold(word)) >= SHORTEST})


def test_a_text_that_is_not_on_the_list_is_found_by_chance_once_in_millions() -> None:
    chance = random.Random(7)
    strangers = ("".join(chance.choices("bcdfghjkmnpqrstvwxz", k=16)) for _ in range(100_000))

    # 96,442 entries over 2**40 digests: 0.009 expected in 100,000.
    assert sum(text in shipped() for text in strangers) == 0


def test_a_small_list_works_at_its_edges(script: ModuleType) -> None:
    small = Blocklist(script.pack(["word", "other"]))

    assert ("word" in small, "other" in small, "third" in small) == (True, True, False)


def test_texts_of_impossible_length_and_surrogates_are_not_on_the_list() -> None:
    for text in ("", "abc", "x" * (LONGEST + 1), "\ud800\ud800\ud800\ud800", 7):
        assert text not in shipped()


@pytest.mark.parametrize("cut", [0, 4, 1024, 1028, 5000])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="damaged"):
        Blocklist(PACKED.read_bytes()[:cut])


def test_an_entry_too_long_to_be_looked_up_stops_the_build(script: ModuleType) -> None:
    with pytest.raises(ValueError, match="LONGEST"):
        script.pack(["x" * (LONGEST + 1)])


def test_the_licence_of_the_list_is_beside_it() -> None:
    notice = PACKED.with_name("NOTICE").read_text("utf-8")

    assert "cry/nbp" in notice
    assert "The MIT License" in notice
