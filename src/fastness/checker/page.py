"""A rule's page: the docstring of its file under a head made of its facts."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

from fastness.checker.score import asvs_texts
from fastness.core.catalog import API_TOP_10, GUIDE_LINES

if TYPE_CHECKING:
    from fastness.checker.rule import Rule


def page(rule: type[Rule]) -> str:
    """The whole page as Markdown, as `fastness explain` prints it and `docs/rules/` holds it."""
    return f"{head(rule)}\n\n{body(rule)}\n"


def head(rule: type[Rule]) -> str:
    """Title, the harm in one sentence, and the facts as a table."""
    facts = [
        ("severity", rule.severity.name.lower()),
        ("persona", rule.persona.name.lower()),
        ("control", rule.control),
        ("OWASP API", "; ".join(f"{risk} {API_TOP_10[int(risk[3:].partition(':')[0])]}" for risk in rule.owasp)),
        ("ASVS 5.0", "; ".join(f"{number} {asvs_texts().get(number, (0, ''))[1]}".strip() for number in rule.asvs)),
        ("CWE", ", ".join(f"CWE-{number}" for number in rule.cwe)),
        ("guide", "; ".join(f"line {line}: {GUIDE_LINES[line]}" for line in rule.guide)),
        ("fix", rule.fix),
    ]
    rows = "\n".join(f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in facts if value)
    return f"# {rule.id} {rule.name}\n\n{rule.why[:1].upper()}{rule.why[1:]}.\n\n| | |\n|---|---|\n{rows}"


def body(rule: type[Rule]) -> str:
    """The docstring of the rule's file, its programs fenced, so that every reader of Markdown shows them alike."""
    text = inspect.getdoc(sys.modules[rule.__module__]) or ""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        code = line.startswith("    ") or (inside and not line.strip())
        if code and not inside:
            lines += ["```text"]
        elif inside and not code:
            while lines and not lines[-1].strip():
                lines.pop()
            lines += ["```", ""]
        inside = code
        lines.append(line[4:] if code else line)
    if inside:
        lines.append("```")
    return "\n".join(lines).replace("\n\n\n", "\n\n")
