"""The list of rules, ours and the user's own, found by id or by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from fastness.checker import rules
from fastness.checker.rule import Rule, rules_in

_PREFIX = re.compile(r"\A[A-Z]+\d{0,2}\Z")
_ID = re.compile(r"\A[A-Z]{2,8}\d{3,4}\Z")
_NAME = re.compile(r"\A[a-z0-9]+-[a-z0-9-]*\Z")


class UnknownRuleError(Exception):
    """No rule has this id or name; the message says which was probably meant."""


class BadRuleError(Exception):
    """A module of the user's own rules cannot be used."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rules in the order of their ids."""

    rules: tuple[type[Rule], ...]

    def __iter__(self) -> Iterator[type[Rule]]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def named(self, word: str) -> type[Rule]:
        """The rule with this id or name.

        Raises:
            UnknownRuleError: there is none.
        """
        for rule in self.rules:
            if word in {rule.id, rule.name}:
                return rule
        raise UnknownRuleError(f"unknown rule {word!r}{self._meant(word)}")

    def matching(self, word: str) -> frozenset[str]:
        """The ids that a selector means: an id, a name, the first digits of ids (`FN1`), or `ALL`.

        Raises:
            UnknownRuleError: it means none.
        """
        if word == "ALL":
            return frozenset(rule.id for rule in self.rules)
        if _PREFIX.match(word):
            found = frozenset(rule.id for rule in self.rules if rule.id.startswith(word))
            if found:
                return found
        return frozenset({self.named(word).id})

    def chosen(self, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Rulebook:
        """The rules of `select` (all, when empty) without those of `ignore`.

        Raises:
            UnknownRuleError: a selector means no rule.
        """
        wanted = [*select]
        inside = frozenset().union(*(self.matching(word) for word in wanted)) if wanted else self.matching("ALL")
        outside = frozenset[str]().union(*(self.matching(word) for word in ignore))
        return Rulebook(tuple(rule for rule in self.rules if rule.id in inside - outside))

    def _meant(self, word: str) -> str:
        words = [*(rule.id for rule in self.rules), *(rule.name for rule in self.rules)]
        near = difflib.get_close_matches(word.upper(), words, 1) or difflib.get_close_matches(
            word.lower(), words, 1, 0.5
        )
        return f"; did you mean {near[0]!r}?" if near else '; "fastness rules" lists them'


@cache
def built_in() -> Rulebook:
    """The rules that this release has."""
    found = {
        rule
        for module in pkgutil.walk_packages(rules.__path__, prefix=f"{rules.__name__}.")
        for rule in rules_in(importlib.import_module(module.name))
        if rule.__module__ == module.name
    }
    return Rulebook(tuple(sorted(found, key=lambda rule: rule.id)))


def with_own(modules: Iterable[str]) -> Rulebook:
    """Ours and the rules of the user's modules. Importing them runs their code: only what the settings name is imported.

    Raises:
        BadRuleError: a module cannot be imported or holds no rule, or an id or name is malformed or taken.
    """
    book = [*built_in()]
    for name in modules:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise BadRuleError(f"rules: {name!r} cannot be imported ({type(error).__name__}: {error})") from error
        own = [rule for rule in rules_in(module) if not rule.__module__.startswith("fastness.")]
        if not own:
            raise BadRuleError(f"rules: {name!r} holds no class made from fastness.checker.rule.Rule")
        for rule in own:
            _check(rule, book)
            book.append(rule)
    return Rulebook(tuple(sorted(book, key=lambda rule: rule.id)))


def _check(rule: type[Rule], book: Iterable[type[Rule]]) -> None:
    where = f"rules: {rule.__module__}.{rule.__name__}"
    for word in ("name", "control", "severity"):
        if not hasattr(rule, word):
            raise BadRuleError(f"{where} has no {word}")
    if not _ID.match(rule.id) or not _NAME.match(rule.name) or "" in rule.name.split("-"):
        raise BadRuleError(f"{where}: an id looks like ACME101 and a name like any-thing-bad")
    if rule.id.startswith("FN"):
        raise BadRuleError(f"{where}: ids that begin with FN are ours; take letters of your own")
    for other in book:
        if rule.id == other.id or rule.name == other.name:
            raise BadRuleError(f"{where}: {rule.id} {rule.name} is taken by {other.__module__}")
