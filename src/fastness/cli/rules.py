"""`fastness rules`: every rule in one line."""

from __future__ import annotations

import json

import typer

from fastness.cli.checked import usage


def rules(
    select: list[str] = typer.Option([], help="Only these: ids, names, or first digits (FN1)."),
    form: str = typer.Option("text", "--format", help="text or json."),
) -> None:
    """List the rules: id, severity, persona, name and what an attacker gains."""
    from fastness.checker.rulebook import UnknownRuleError, built_in

    if form not in {"text", "json"}:
        usage(f"--format: {form!r} is none of text, json")
    try:
        book = built_in().chosen(word for each in select for word in each.replace(",", " ").split())
    except UnknownRuleError as error:
        usage(str(error))
    if form == "json":
        rows = [
            {"id": rule.id, "name": rule.name, "control": rule.control, "severity": rule.severity.name.lower(),
             "persona": rule.persona.name.lower(), "owasp": list(rule.owasp), "asvs": list(rule.asvs),
             "cwe": list(rule.cwe), "guide": list(rule.guide), "why": rule.why, "fix": rule.fix}
            for rule in book
        ]  # fmt: skip
        typer.echo(json.dumps({"schema": 1, "rules": rows}, indent=2))
        return
    width = max((len(rule.name) for rule in book), default=0)
    for rule in book:
        level, who = rule.severity.name.lower(), rule.persona.name.lower()
        typer.echo(f"{rule.id}  {level:<8}  {who:<8}  {rule.name:<{width}}  {rule.why}".rstrip())
