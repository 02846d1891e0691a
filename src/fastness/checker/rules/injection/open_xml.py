"""
## What it looks for
An XML parser that resolves entities or loads what a document names.

## Why it matters
A document reads `/etc/passwd` into the answer, or fetches an internal address.

## Bad
    from fastapi import FastAPI, Request
    from lxml import etree

    app = FastAPI()

    @app.get("/title")
    async def title(request: Request) -> str:
        parser = etree.XMLParser(resolve_entities=True, no_network=False)
        return etree.fromstring(await request.body(), parser).findtext("title")

## Good
    from fastapi import FastAPI, Request
    from lxml import etree

    app = FastAPI()

    @app.get("/title")
    async def title(request: Request) -> str:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.fromstring(await request.body(), parser).findtext("title")

## How it is found
lxml parsers with `resolve_entities=True`, `load_dtd=True`, `no_network=False` or `huge_tree=True`, and the external entities of
`xml.sax` turned on.

## What it cannot see
The defaults of the lxml that is installed: releases before 5 resolve entities.

## How to tell the checker
`# fastness: ignore[FN309] the reason` on the line.

## References
OWASP API8:2023, ASVS 1.5.1, CWE-611.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_OPTIONS: tuple[tuple[str, bool], ...] = (
    ("resolve_entities", True),
    ("load_dtd", True),
    ("no_network", False),
    ("huge_tree", True),
)


class OpenXml(Rule):
    """XML that reaches files and addresses."""

    id, name, control, severity = "FN309", "open-xml", "fields", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("1.5.1",), (611,)
    why = "a document reads files of the server and calls internal addresses"
    fix = "leave entities off: XMLParser(resolve_entities=False, no_network=True), or use defusedxml"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(
            "etree.XMLParser", "etree.iterparse", "etree.XMLPullParser", "etree.ETCompatXMLParser"
        ):
            wrong = [k for k, bad in _OPTIONS if call.has(k) and call.value(k).constant is bad]
            if wrong:
                yield self.found(call.place, f"this XML parser is opened by {', '.join(wrong)}", subject=call.code)
        for call in project.calls("setFeature"):
            feature = call.arg(0)
            text = f"{project.code(call.scope, feature)} {call.value(0).text}" if feature is not None else ""
            on = call.value(1).constant
            if re.search("external_ges|external-general", text) and (on is True or on == 1):
                yield self.found(call.place, "this XML parser resolves external entities", subject=call.code)
