"""Every published flaw that we promise to hold has a test named after it, and each test has a defence to remove."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import chain

import pytest

from proof.advisories.advisory import ROOT, Advisory, every, slug
from proof.advisories.rows import PROMISED, WITHOUT

TESTS = tuple(every())
SAMPLE = (
    "cve_2026_23996", "cve_2023_29159", "cve_2026_33034", "fastapi_s_default_422", "cve_2026_25674", "cve_2025_46814",
    "cve_2025_68481", "cve_2025_22228", "cve_2026_32700", "ghsa_5rr4_8452_hf4v", "uvicorn_no_time_out", "cve_2023_23934",
    "cve_2026_1035", "cve_2024_33664", "cve_2022_29217", "cve_2026_41427_no_key",
)  # fmt: skip
"""Names whose defences are removed in every run, one in each file; `tools/removed.py` does it for all, in some minutes."""


def of(name: str) -> Advisory:
    (found,) = [test.advisory for test in TESTS if test.name == name]
    assert found is not None, "say which advisory it stands for, and what its removal is"
    return found


@pytest.mark.parametrize("name", [test.name for test in TESTS])
def test_a_test_is_named_after_its_advisory_and_knows_its_defence(name: str) -> None:
    found = of(name)

    assert name.startswith(f"test_{slug(found.ids[0])}_")
    assert all(found.removals), "no defence to remove"
    for removal in chain.from_iterable(found.removals):
        changed = removal.applied(ROOT)
        assert changed != removal.original(ROOT).read_text(encoding="utf-8")
        if removal.file.endswith(".py"):
            compile(changed, removal.file, "exec", dont_inherit=True)  # or it would take away more than the defence


def test_every_promised_row_has_a_test_or_a_reason() -> None:
    tested = {of(test.name).row for test in TESTS}

    assert sorted(PROMISED - tested - WITHOUT.keys()) == []
    assert sorted(tested & WITHOUT.keys()) == [], "it has a test: take its reason away"


def test_no_two_tests_have_one_name() -> None:
    assert [name for name, count in Counter(test.name for test in TESTS).items() if count > 1] == []


def test_the_sample_has_one_test_of_each_file() -> None:
    chosen = [test.file for test in TESTS if any(word in test.id for word in SAMPLE)]

    assert sorted(chosen) == sorted({test.file for test in TESTS})


@pytest.mark.timeout(900)
def test_a_sample_is_red_without_its_defence() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "removed.py", *SAMPLE], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SAMPLE)} of {len(SAMPLE)} tests fail" in done.stdout
