"""Policies in themselves: who is let through, and that each asks about this caller and this thing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fastness.core.errors import Forbidden
from fastness.core.policy import AllOf, Allow, AnyOf, Owner, decide
from fastness.core.principal import Principal

ADA = Principal("ada", roles=frozenset({"editor"}))
BOB = Principal("bob", permissions=frozenset({"notes:write"}))


@dataclass
class Note:
    owner_id: object = None


def test_a_role_or_a_permission_is_enough_and_neither_is_not() -> None:
    either = Allow(role=("editor",), permission=("notes:write",))

    assert (either(ADA), either(BOB), either(Principal("eve"))) == (True, True, False)
    assert (Allow()(ADA), Allow()(BOB)) == (False, False)


def test_what_belongs_to_nobody_is_not_the_property_of_somebody_called_none() -> None:
    assert Owner()(ADA, Note("ada"))
    for nobodys in (Note(None), Note("bob"), None, object()):
        assert not Owner()(Principal("None"), nobodys)


@pytest.mark.parametrize("combined", [AllOf, AnyOf])
def test_a_combination_asks_each_policy_about_this_caller_and_this_thing(combined: type[AllOf | AnyOf]) -> None:
    policy = combined([Owner()])

    assert policy(ADA, Note("ada"))
    assert not policy(BOB, Note("ada"))
    decide(policy, ADA, Note("ada"))
    with pytest.raises(Forbidden):
        decide(policy, BOB, Note("ada"))
