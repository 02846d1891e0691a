"""The bad program of each attack rule's page is found, and the good one is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.live_programs import attacked, program
from fastness.checker.finding import Confidence
from fastness.checker.rule import Rule
from fastness.checker.rules.access.foreign_object import ForeignObject
from fastness.checker.rules.access.guard_by_header import GuardByHeader
from fastness.checker.rules.access.privileged_field import PrivilegedField
from fastness.checker.rules.access.scheme_not_enforced import SchemeNotEnforced
from fastness.checker.rules.configuration.cross_site_request import CrossSiteRequest
from fastness.checker.rules.configuration.foreign_origin import ForeignOrigin
from fastness.checker.rules.configuration.hidden_route import HiddenRoute
from fastness.checker.rules.configuration.insecure_cookie import InsecureCookie
from fastness.checker.rules.configuration.missing_headers import MissingHeaders
from fastness.checker.rules.configuration.older_version_open import OlderVersionOpen
from fastness.checker.rules.exposure.password_in_validation_error import PasswordInValidationError
from fastness.checker.rules.exposure.private_answer_cached import PrivateAnswerCached
from fastness.checker.rules.exposure.secret_in_answer import SecretInAnswer
from fastness.checker.rules.exposure.trace_in_answer import TraceInAnswer
from fastness.checker.rules.exposure.version_told import VersionTold
from fastness.checker.rules.injection.open_redirect import OpenRedirect
from fastness.checker.rules.passwords.user_enumeration import UserEnumeration
from fastness.checker.rules.resources.limit_by_header import LimitByHeader
from fastness.checker.rules.resources.oversize_body import OversizeBody
from fastness.checker.rules.resources.password_guessing import PasswordGuessing
from fastness.checker.rules.tokens.forged_token import ForgedToken
from fastness.checker.rules.tokens.refresh_as_access import RefreshAsAccess

RULES: list[type[Rule]] = [
    SchemeNotEnforced,
    ForgedToken,
    RefreshAsAccess,
    ForeignObject,
    PrivilegedField,
    OversizeBody,
    PasswordGuessing,
    GuardByHeader,
    CrossSiteRequest,
    HiddenRoute,
    OlderVersionOpen,
    LimitByHeader,
    ForeignOrigin,
    InsecureCookie,
    MissingHeaders,
    PasswordInValidationError,
    SecretInAnswer,
    TraceInAnswer,
    VersionTold,
    OpenRedirect,
    UserEnumeration,
]


@pytest.mark.parametrize(
    ("header", "found"), [("public, max-age=60", 1), ("s-maxage=60", 1), ("no-store", 0), ("max-age=60", 0)]
)
def test_an_answer_for_one_caller_must_not_be_kept_for_all(header: str, found: int, tmp_path: Path) -> None:
    # A middleware sets it, which no rule can follow in the source.
    middleware = f"""
@app.middleware("http")
async def cached(request, call_next):
    answer = await call_next(request)
    answer.headers["Cache-Control"] = "{header}"
    return answer
"""

    seen = attacked(PrivateAnswerCached, program(ForgedToken, "Good") + middleware, tmp_path)

    assert [finding.confidence for finding in seen.findings] == [Confidence.PROVED] * found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_attack_proves_the_bad_program(rule: type[Rule], tmp_path: Path) -> None:
    seen = attacked(rule, program(rule, "Bad"), tmp_path)

    assert seen.findings, seen.notes
    assert {finding.rule for finding in seen.findings} == {rule.id}
    assert {finding.confidence for finding in seen.findings} == {Confidence.PROVED}
    assert all(proof.request and proof.answer for finding in seen.findings for proof in finding.proofs)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_attack_leaves_the_good_program_alone(rule: type[Rule], tmp_path: Path) -> None:
    seen = attacked(rule, program(rule, "Good"), tmp_path)

    assert [finding.message for finding in seen.findings] == []
