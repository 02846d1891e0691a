"""`fastness explain`: the page of a rule, without a network."""

from __future__ import annotations

import typer

from fastness.cli.checked import usage


def explain(
    rule: str = typer.Argument(help="Id (FN601) or name (cors-any-origin)."),
) -> None:
    """Print the page of a rule: what it looks for, why, a wrong and a right program, how it is found."""
    from fastness.checker.page import page
    from fastness.checker.rulebook import UnknownRuleError, built_in

    try:
        found = built_in().named(rule.upper() if rule[:2].lower() == "fn" else rule)
    except UnknownRuleError as error:
        usage(str(error))
    typer.echo(page(found))
