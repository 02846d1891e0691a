"""The published flaws that this project promises a test for, by their number in the list they were gathered in.

A row that has no test says why. The numbers are only names: what matters is that none is forgotten.
"""

from __future__ import annotations

PROMISED = frozenset({*range(1, 14), *range(18, 96)})
"""What the list holds for the account states and controls that exist today. Beyond 95 are flaws of our own making."""

WITHOUT: dict[int, str] = {
    52: "no sign-in of another provider exists that could be linked to an account by its address",
    54: "no sign-in of another provider exists, so no account is found by a provider's name for it",
    55: "Fastness is no authorization server and no client of one: nothing takes a redirect_uri",
}
"""Rows without a test, each with its reason."""
