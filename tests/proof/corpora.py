"""The attack corpora as plain bytes, each file in its own way; and a share of them for each place they are sent to."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from token_forge import claims, dressed, forged

FOLDER = Path(__file__).parents[1] / "data" / "attacks"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.name != "README.md")
LONGEST = 100_000
"""Bytes of one string; longer ones meet the body limit, which has tests of its own."""


@cache
def strings(name: str) -> list[bytes]:
    """Everything hostile in one file, each once."""
    return list(dict.fromkeys(text[:LONGEST] for text in _read(name)))


def share(name: str, place: int, size: int) -> list[bytes]:
    """`size` strings of a file for one place. Neighbouring places get neighbouring shares, so together they get all."""
    every = strings(name)
    # A step that keeps away from the file's own order: the 100,000 passwords are sorted by use.
    start = place * size if len(every) < 2_000 else place * 7_919
    return [every[(start + offset) % len(every)] for offset in range(min(size, len(every)))]


def _read(name: str) -> list[bytes]:
    path = FOLDER / name
    if path.suffix == ".txt":
        return [line for line in path.read_bytes().split(b"\n") if line]
    items = json.loads(path.read_text())
    if name == "jwt_attacks.json":
        return [_token(recipe) for recipe in items]
    if name == "redos.json":
        return [_bytes(_repeated(item)) for item in items]
    found = [_bytes(text) for text in _texts(items)]
    if name == "password_edge_cases.json":
        found += [
            _bytes((i["gen"]["repeat"] * 10_000)[: i["gen"]["length"]]) for i in items if "length" in i.get("gen", ())
        ]
    if name.startswith("wycheproof"):
        found = [text for text in found if b"." in text or b"{" in text]
    return found


def _texts(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
        yield from _decoded(item)
    elif isinstance(item, dict):
        for key, value in item.items():
            if key not in {"expect", "class", "comment", "source", "diagnosis", "category", "why"}:
                yield from _texts(value)
    elif isinstance(item, list):
        for value in item:
            yield from _texts(value)
    elif item is not None:
        yield json.dumps(item)


def _decoded(text: str) -> Iterator[str]:
    if len(text) % 4 or len(text) < 8 or not text.isascii():
        return
    try:
        yield base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error:
        return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape" if not _has_other_surrogates(text) else "surrogatepass")


def _has_other_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


def _repeated(case: dict[str, Any]) -> str:
    count = min(case["count"], LONGEST // max(1, len(case["repeat"])))
    return f"{case['prefix']}{case['repeat'] * count}{case['suffix']}"


def _token(recipe: dict[str, Any]) -> bytes:
    if "form" in recipe:
        return str(recipe["form"]).encode()
    header = dressed(recipe["header"]) if "header" in recipe else None
    secret = str(recipe.get("secret") or "x" * 32).encode()
    return forged(header, {**claims(), **recipe.get("claims", {})}, secret=secret).encode()
