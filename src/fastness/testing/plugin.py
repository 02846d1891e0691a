"""Fixtures for pytest. They load with pytest itself, and load nothing of Fastness until a test asks for one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

    from fastness.controls.passwords import PasswordSettings
    from fastness.core.principal import Principal
    from fastness.testing import Outbox, TurnableClock


class SignInAs(Protocol):
    """`fastness_sign_in_as(app, "7", roles=["admin"])`: from then to the end of the test."""

    def __call__(
        self, app: FastAPI, who: str | Principal, *, roles: Iterable[str] = (), permissions: Iterable[str] = ()
    ) -> Principal:
        """Let every request be from `who`; a later call wins."""
        ...


@pytest.fixture
def fastness_clock() -> TurnableClock:
    """A clock that this test turns."""
    from fastness.testing import TurnableClock

    return TurnableClock()


@pytest.fixture
def fastness_outbox() -> Outbox:
    """A mailer that keeps the mails of this test."""
    from fastness.testing import Outbox

    return Outbox()


@pytest.fixture(scope="session")
def unsafe_fastness_passwords() -> PasswordSettings:
    """Hashes in microseconds."""
    from fastness.testing import unsafe_fast_hasher

    return unsafe_fast_hasher()


@pytest.fixture
def fastness_sign_in_as() -> Iterator[SignInAs]:
    """Sign in as somebody without a token; undone at the end of the test."""
    from fastness.testing import signed_in_as

    with contextlib.ExitStack() as stack:

        def sign_in_as(
            app: FastAPI, who: str | Principal, *, roles: Iterable[str] = (), permissions: Iterable[str] = ()
        ) -> Principal:
            return stack.enter_context(signed_in_as(app, who, roles=roles, permissions=permissions))

        yield sign_in_as
