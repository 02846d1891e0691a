"""How names are said to people."""

from __future__ import annotations


def short(name: str) -> str:
    """The last two parts of a dotted name, for people."""
    return (
        ".".join(name.split(".")[-2:])
        if name.count(".") > 1 and name.split(".")[-2][:1].isupper()
        else name.rpartition(".")[2]
    )
