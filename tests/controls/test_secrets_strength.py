"""A secret that anyone could guess or look up is refused, and the refusal does not show it."""

from __future__ import annotations

import base64
import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.controls.secrets import generate, weak_secret

KNOWN = [
    line
    for line in (Path(__file__).parents[1] / "data" / "attacks" / "known_secrets.txt").read_text().splitlines()
    if line
]


def variations(secret: str) -> Iterator[str]:
    yield from (secret, secret.upper(), secret.title() * 3, secret[::-1] * 3)
    yield from (secret * 10, f"{secret}-" * 8, f" {secret}\n", secret.ljust(32), secret.ljust(64, "!"))
    yield from (secret.ljust(40, "x"), secret + "0" * 32, secret + "1234567890" * 3, "_" * 20 + secret + "_" * 20)
    yield f"my-{secret}-2026-production-key"
    yield base64.b64encode(secret.encode() * 5).decode()
    yield (secret * 5).encode().hex()


@pytest.mark.parametrize("secret", KNOWN)
def test_no_published_secret_passes_in_any_simple_disguise(secret: str) -> None:
    passed = [disguise for disguise in variations(secret) if weak_secret(disguise, where="X") is None]

    assert passed == []


def test_the_published_list_is_shipped_with_the_package() -> None:
    shipped = (resources.files("fastness.controls.secrets") / "published.txt").read_text("utf-8").splitlines()

    assert set(KNOWN) <= set(shipped)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("<put-the-secret-of-the-application-here>", "is a placeholder"),
        ("${FASTNESS_SECRET:-from-the-environment-file}", "is a placeholder"),
        ("{{ vault.fastness.secret.of.production }}", "is a placeholder"),
        ("Kx7-Wq9_Zr2-Mt5", "has 15 bytes, 32 are needed"),
        ("Kx7-Wq9_Zr2-Mt5vBn8-Lp3_Hd6-Yf1", "has 31 bytes, 32 are needed"),
        ("a" * 32, "is a published example"),
        ("ab" * 32, "follows a pattern"),
        ("qwertyuiop1234567890zxcvbnmasdfghjkl", "follows a pattern"),
        ("this-is-a-very-long-development-secret-key-1234", "follows a pattern"),
        ("please-change-this-in-production-now!!", "follows a pattern"),
        ("correct horse battery staple correct horse", "follows a pattern"),
        ("Sup3r$3cr3tP@ssw0rdSup3r$3cr3tP@ssw0rd!", "follows a pattern"),
        ("-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "is the text of an asymmetric key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5o7cTn8yQm2Rk4Xw9Vb3Lp", "is the text of an asymmetric key"),
        ("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "is a published example"),
    ],
)
def test_a_weak_secret_is_refused_for_its_reason(value: str, what: str) -> None:
    found = weak_secret(value, where="FASTNESS_SECRET")

    assert found is not None
    assert found.what == f"the secret {what}"
    assert found.where == "FASTNESS_SECRET"
    assert "fastness secret" in found.fix


def test_generated_secrets_pass_and_differ() -> None:
    made = {generate() for _ in range(500)}

    assert len(made) == 500
    assert [secret for secret in made if weak_secret(secret, where="X")] == []
    assert all(len(secret) == 43 for secret in made)


def test_what_other_generators_make_passes() -> None:
    chance = random.Random(1)
    raw = [chance.randbytes(48) for _ in range(1000)]

    for some in raw:
        for text in (
            some[:16].hex(),
            some[:32].hex(),
            base64.b64encode(some[:32]).decode(),
            base64.b64encode(some).decode(),
        ):
            assert weak_secret(text, where="X") is None


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(min_size=4, max_size=80))
def test_no_refusal_holds_the_value(value: str) -> None:
    found = weak_secret(f"canary{value}canary", where="FASTNESS_SECRET")

    if found is not None:
        assert "canary" not in f"{found} {found!r} {found.args}"


def test_a_hash_of_anything_passes_because_chance_cannot_be_told_from_it() -> None:
    assert weak_secret(hashlib.sha256(b"secret").hexdigest(), where="X") is None


def test_importing_secrets_loads_no_cryptography() -> None:
    code = "import sys, fastness.controls.secrets; print([m for m in ('cryptography', 'joserfc', 'fastapi') if m in sys.modules])"

    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert said.strip() == "[]"
