"""Revocations are remembered for as long as a token could live, in bounded memory, and never forgotten too early."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastness.controls.tokens import Revocations
from fastness.core.principal import Principal

NOW = 1000.0


def who(name: str, *, expires: float = NOW + 600, version: int = 0) -> Principal:
    return Principal(id=name, session=f"s-{name}", token=f"t-{name}", version=version, expires_at=expires)


def revocations(capacity: int = 100_000) -> Revocations:
    return Revocations(capacity=capacity, now=lambda: NOW)


def test_nothing_is_revoked_at_first() -> None:
    assert not revocations().revoked(who("ada"))
    assert not revocations().revoked(Principal(id="ada"))


def test_a_newer_version_ends_older_tokens_only() -> None:
    ended = revocations()

    ended.require_version("ada", 5, until=NOW + 600)
    ended.require_version("ada", 3, until=NOW + 600)

    assert ended.revoked(who("ada", version=4))
    assert not ended.revoked(who("ada", version=5))
    assert not ended.revoked(who("bob", version=4))


def test_a_restored_user_is_back() -> None:
    ended = revocations()
    ended.revoke_user("ada", until=NOW + 600)

    ended.restore_user("ada")
    ended.restore_user("nobody")

    assert not ended.revoked(who("ada"))


def test_a_later_end_is_kept_and_an_earlier_one_does_not_shorten_it() -> None:
    ended = revocations(capacity=4)
    ended.revoke_session("s-ada", until=NOW + 600)

    ended.revoke_session("s-ada", until=NOW + 1)
    for number in range(3):
        ended.revoke_session(f"s-{number}", until=NOW - 1)
    ended.revoke_session("s-last", until=NOW + 5)

    assert ended.revoked(who("ada"))


def test_memory_is_bounded_and_the_dead_go_first() -> None:
    ended = revocations(capacity=100)

    for number in range(1000):
        ended.revoke_token(f"dead-{number}", until=NOW - 1)
        ended.revoke_token(f"t-{number % 20}", until=NOW + 600)

    assert len(ended) <= 100
    assert all(ended.revoked(who(str(number))) for number in range(20))
    assert not ended.revoked(who("other"))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 600), st.sampled_from("stuv")), max_size=120))
def test_whatever_was_revoked_stays_revoked_until_its_tokens_are_dead(entries: list[tuple[int, int, str]]) -> None:
    ended = revocations(capacity=8)
    model = set()

    for number, life, kind in entries:
        person = who(f"{kind}{number}", expires=NOW + life)
        model.add(person)
        if kind == "s":
            ended.revoke_session(person.session or "", until=person.expires_at)
        elif kind == "t":
            ended.revoke_token(person.token or "", until=person.expires_at)
        elif kind == "u":
            ended.revoke_user(person.id, until=person.expires_at)
        else:
            ended.require_version(person.id, 1, until=person.expires_at)

    assert all(ended.revoked(person) for person in model)
    assert len(ended) <= 4 * 8


def test_tokens_issued_after_a_flood_are_good() -> None:
    ended = revocations(capacity=8)
    for number in range(100):
        ended.revoke_session(f"flood-{number}", until=NOW + 300)

    assert ended.revoked(who("caught", expires=NOW + 300))
    assert not ended.revoked(who("later", expires=NOW + 301))


def test_an_end_without_a_date_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match="finite"):
        revocations().revoke_user("ada", until=float("inf"))


def test_every_ending_is_told_with_its_kind_and_name_once_it_counts() -> None:
    ended, told = revocations(), list[tuple[str, str, bool]]()
    ended.listeners.append(lambda kind, name: told.append((kind, name, ended.revoked(who("ada")))))

    ended.revoke_session("s-ada", until=NOW + 600)
    ended.revoke_token("t-bob", until=NOW + 600)
    ended.revoke_user("eve", until=NOW + 600)
    ended.require_version("ada", 1, until=NOW + 600)
    ended.restore_user("eve")

    assert told == [("session", "s-ada", True), ("token", "t-bob", True), ("user", "eve", True), ("user", "ada", True)]


def test_room_is_made_when_there_is_one_too_many_and_a_quarter_goes() -> None:
    ended = revocations(capacity=8)
    for number in range(8):
        ended.revoke_session(f"full-{number}", until=NOW + 10)

    assert len(ended) == 8
    assert not ended.revoked(who("other", expires=NOW + 10))

    ended.revoke_session("one-more", until=NOW + 20)

    assert len(ended) == 6
    assert ended.revoked(who("other", expires=NOW + 10))


def test_what_is_over_now_goes_whole_and_ends_nobody_else() -> None:
    ended = revocations(capacity=8)
    for number in range(8):
        ended.revoke_session(f"over-{number}", until=NOW)

    ended.revoke_session("live", until=NOW + 10)

    assert len(ended) == 1
    assert not ended.revoked(who("other", expires=NOW))


def test_a_version_is_forgotten_with_the_tokens_that_it_ended() -> None:
    ended = revocations(capacity=4)
    ended.require_version("ada", 5, until=NOW - 1)
    assert ended.revoked(who("ada", version=4))

    for number in range(4):
        ended.require_version(f"other-{number}", 1, until=NOW + 600)

    assert len(ended) == 3
    assert not ended.revoked(who("ada", version=4, expires=NOW + 601))
    assert ended.revoked(who("other-3", expires=NOW + 601))
