"""
## What it looks for
A CORS policy that lets every origin in and also allows credentials, directly or through a default of the settings.

## Why it matters
Starlette answers by echoing the caller's origin, so any site that a user visits reads their data with their cookies.

## Bad
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)

## Good
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"], allow_credentials=True)

## How it is found
The options of the middleware are followed through names, settings with defaults and branches. A list of origins given as
one text is reported too: Starlette then tests for a part of it, and `https://app.example` passes for
`https://app.example.com`.

## What it cannot see
Origins that only the environment of the running application holds.

## How to tell the checker
`# fastness: ignore[FN601] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 3.4.2, CWE-942.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.value import Value
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_EVERY = (".*", "^.*$", r"https?://.*", ".+")


class CorsAnyOrigin(Rule):
    """Credentials for every origin."""

    id, name, control, severity = "FN601", "cors-any-origin", "cors", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.2",), (942,), (6,)
    why = "a page on any other site reads the API with the user's cookies"
    fix = 'name the origins: allow_origins=["https://app.example.com"]'

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("CORSMiddleware", "CorsSettings"):
            if not _credentials(call.value("allow_credentials", "credentials")):
                continue
            origins, pattern = call.value("allow_origins", "origins"), call.value("allow_origin_regex", "origin_regex")
            if any(_every(choice) for choice in origins.choices()):
                default = " by default" if _configured(origins) else ""
                yield self.found(
                    call.place,
                    f"every origin is allowed{default}, with credentials",
                    subject=call.name,
                    confidence=Confidence.MEDIUM if default else Confidence.HIGH,
                )
            elif pattern.text in _EVERY:
                yield self.found(
                    call.place, "the origin pattern matches every origin, with credentials", subject=call.name
                )
            elif origins.origin in {"literal", "environment"} and origins.text:
                yield self.found(
                    call.place,
                    "allow_origins is one text, not a list: parts of it pass as origins",
                    subject=call.name,
                    confidence=Confidence.HIGH if origins.literal else Confidence.MEDIUM,
                )


def _credentials(value: Value) -> bool:
    return any(choice.constant is True for choice in value.choices())


def _every(value: Value) -> bool:
    return (
        value.text.strip() == "*" or "*" in value or any(_every(item) for item in value.items if item.shape == "list")
    )


def _configured(value: Value) -> bool:
    return value.configured or any(item.configured for item in value.items)
