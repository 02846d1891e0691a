"""Fill the generated parts of the documentation, or check that they are fresh.

    python tools/docs.py           write them
    python tools/docs.py --check   name the stale ones and exit 1

A generated part stands between two comments: `<!-- settings: module:Class -->` and `<!-- /settings -->`, and so for
`catalogue`, `planned`, `checklist`, `every-setting`, `commands`, `check-settings` and `verdicts`. What a person writes
outside them stays untouched. `docs/rules/` is made as a whole: one page for each rule of the checker, and the list of them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python
from verdict_page import verdicts

from fastness.checker.page import page as rule_page
from fastness.checker.rule import Rule
from fastness.checker.rulebook import built_in
from fastness.checker.settings import CheckSettings, known_keys
from fastness.core import catalog
from fastness.core.catalog import API_TOP_10, GUIDE_LINES, Control

ROOT = Path(__file__).resolve().parents[1]
PART = re.compile(r"(<!-- (?P<kind>[a-z-]+)(?:: (?P<argument>[\w.:]+))? -->\n).*?(<!-- /(?P=kind) -->)", re.DOTALL)
TABLE_HEAD = 2
PREFIX = re.compile(r"\AFASTNESS_[A-Z0-9_]*\*")


def pages() -> list[Path]:
    """README.md and everything under docs, sorted."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fresh(page: Path) -> str:
    """The text of a page with its generated parts as they should be."""

    def fill(part: re.Match[str]) -> str:
        write = WRITERS.get(part["kind"])
        if write is None:
            return part[0]
        return f"{part[1]}{write(page, part['argument'])}\n{part[4]}"

    return PART.sub(fill, page.read_text(encoding="utf-8"))


def settings(_page: Path, argument: str) -> str:
    """One settings class, `module:Class`, as a table."""
    module, _, name = argument.partition(":")
    return settings_table(getattr(importlib.import_module(module), name))


def settings_table(model: type[BaseModel], *, without: AbstractSet[str] = frozenset()) -> str:
    """Environment variable, type, default and description of each field; a secret's value never shows.

    Raises:
        ValueError: when the docstring does not begin with the prefix, or a field has no description.
    """
    prefix = prefix_of(model).removesuffix("*")
    if not prefix:
        raise ValueError(f"{model.__name__}: the docstring must begin with its prefix, as in FASTNESS_HEADERS__*")
    rows = ["| setting | type | default | what it does |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in without or is_section(field.annotation):
            continue
        if not field.description:
            raise ValueError(f"{model.__name__}.{name} has no description")
        cells = [f"`{variable(prefix, name, field)}`", type_name(field.annotation), default(field), field.description]
        rows.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def variable(prefix: str, name: str, field: FieldInfo) -> str:
    """The environment variable of a field; an alias that is read as it stands goes first."""
    alias = field.validation_alias
    return alias if isinstance(alias, str) else f"{prefix}{name.upper()}"


def is_section(annotation: object) -> bool:
    """Whether a field holds the settings of another class, which has a table of its own."""
    parts = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return any(
        isinstance(p, type) and issubclass(p, BaseModel) and PREFIX.match((p.__doc__ or "").strip()) for p in parts
    )


def type_name(annotation: Any) -> str:  # noqa: PLR0911 - one line for each kind of type
    """A type in the words of someone who writes an environment variable."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(parts[0])
    if origin in {Union, types.UnionType}:
        named = [type_name(part) for part in parts if part is not type(None)]
        return " or ".join(dict.fromkeys(named)) + (", or unset" if type(None) in parts else "")
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if is_secret(annotation):
        return "secrets (JSON list)" if parts else "secret"
    if origin in {list, tuple, set, frozenset}:
        return f"list of {type_name(next(part for part in parts if part is not Ellipsis))} (JSON)"
    if origin is not None and parts:
        return "map (JSON)"
    return {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def is_secret(annotation: Any) -> bool:
    """Whether a value of this type must not be shown."""
    if get_args(annotation):
        return any(is_secret(part) for part in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, (Secret, SecretStr, SecretBytes))


def default(field: FieldInfo) -> str:
    """What holds when the variable is not set."""
    if field.is_required():
        return "required"
    if is_secret(field.annotation):
        return "none"
    if field.default_factory not in {None, list, dict, tuple}:
        return "see right"  # computed where it runs; a page must not depend on the machine that made it
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "none"
    shown = to_jsonable_python(value, fallback=str)
    return "empty" if shown in ("", [], {}) else f"`{shown if isinstance(shown, str) else json.dumps(shown)}`"


def every_setting(page: Path, _argument: str) -> str:
    """All settings classes of the package, one section each; an inherited setting stands with its own class only."""
    sections = []
    for model in settings_classes():
        inherited = {name for base in model.__mro__[1:] for name in getattr(base, "model_fields", {})}
        table = settings_table(model, without=inherited)
        if table.count("\n") < TABLE_HEAD:
            continue
        control = model.__module__.removeprefix("fastness.controls.").partition(".")[0]
        home = ROOT / "docs" / "controls" / f"{control}.md"
        more = f" [More about it]({home.relative_to(page.parent)})." if home.is_file() else ""
        sections.append(f"## {prefix_of(model)}\n\n`{model.__module__}.{model.__name__}`.{more}\n\n{table}\n")
    return "\n".join(sections)


def settings_classes() -> list[type[BaseModel]]:
    """Every public pydantic class whose docstring names a FASTNESS_ prefix: by prefix, a class before its children."""
    found = {
        thing
        for module in modules()
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, BaseModel) and thing.__module__ == module.__name__
        if prefix_of(thing) and not name.startswith("_")
    }
    return sorted(found, key=lambda model: (prefix_of(model), len(model.__mro__), model.__module__, model.__name__))


def prefix_of(model: type[BaseModel]) -> str:
    """`FASTNESS_HEADERS__*`, from the first line of the docstring; empty when it has none."""
    match = PREFIX.match((model.__doc__ or "").strip())
    return match[0] if match else ""


def modules() -> Iterator[types.ModuleType]:
    """Every module of the package, except migrations, which only run."""
    package = importlib.import_module("fastness")
    for found in pkgutil.walk_packages(package.__path__, prefix="fastness."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def catalogue(page: Path, _argument: str) -> str:
    """The installed controls: what each does, and where it stands in the guide and the OWASP list."""
    rows = ["| control | what it does | guide line | API Top 10:2023 |", "|---|---|---|---|"]
    rows += [f"| {link(control, page)} | {control.does} | {numbers(control.guide)} | {', '.join(map(str, control.api_top10)) or '-'} |"
             for control in catalog.load().installed()]  # fmt: skip
    return "\n".join(rows)


def planned(_page: Path, _argument: str) -> str:
    """The controls that no release has yet, and why."""
    return "\n".join(f"- **{control.title}**: {control.reason}" for control in catalog.load() if control.planned)


def checklist(page: Path, _argument: str) -> str:
    """The guide's eleven lines, the OWASP list and ASVS, each with the controls that answer it."""
    controls = catalog.load()
    rows = ["## The guide's checklist", ""]
    rows += ["| line | the guide says | control | rule of the checker | proof |", "|---|---|---|---|---|"]
    for n, says in GUIDE_LINES.items():
        answering = controls.guide_line(n)
        rules = ", ".join(rule_link(rule, page) for rule in built_in() if n in rule.guide) or "none yet"
        rows.append(f"| {n} | {says} | {links(answering, page)} | {rules} | {proofs(answering, page)} |")
    rows += ["", "## OWASP API Security Top 10:2023", "", "| risk | name | controls |", "|---|---|---|"]
    for number, name in API_TOP_10.items():
        rows.append(
            f"| API{number}:2023 | {name} | {links(tuple(c for c in controls if number in c.api_top10), page)} |"
        )
    rows += ["", "## OWASP ASVS 5.0", "", "| control | requirements |", "|---|---|"]
    rows += [f"| {link(control, page)} | {', '.join(control.asvs)} |" for control in controls]
    return "\n".join(rows)


def proofs(controls: tuple[Control, ...], page: Path) -> str:
    """The tests of these controls."""
    found = [test for control in controls for test in sorted((ROOT / "tests").glob(f"controls/test_{control.id}*.py"))]
    if any(control.id == "dependencies" for control in controls):
        found += [ROOT / "tests" / "house" / "test_audit.py", ROOT / "tests" / "checker" / "test_package_rules.py"]
    return ", ".join(f"[{test.stem.removeprefix('test_')}]({relative(test, page)})" for test in found) or "none yet"


def check_settings(_page: Path, _argument: str) -> str:
    """The keys of [tool.fastness.check] with their defaults."""
    settings, texts = CheckSettings(), field_texts(CheckSettings)
    rows = ["| key | default | what it means |", "|---|---|---|"]
    for key, name in known_keys().items():
        value = getattr(settings, name)
        shown = value.name.lower() if isinstance(value, Enum) else value
        rows.append(f"| `{key}` | {f'`{shown}`' if shown else 'empty'} | {texts.get(name, '')} |")
    return "\n".join(rows)


def field_texts(model: type) -> dict[str, str]:
    """The text under each field of a class, which Python itself does not keep."""
    body = next(
        node for node in ast.parse(textwrap.dedent(inspect.getsource(model))).body if isinstance(node, ast.ClassDef)
    )
    return {
        field.target.id: " ".join(str(after.value.value).split()).replace("|", "\\|")
        for field, after in itertools.pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def rule_files() -> dict[Path, str]:
    """Every file of docs/rules with its text."""
    folder = ROOT / "docs" / "rules"
    index = folder / "README.md"
    rows = ["| rule | name | severity | persona | what an attacker gains |", "|---|---|---|---|---|"]
    rows += [
        f"| {rule_link(rule, index)} | {rule.name} | {rule.severity.name.lower()} | {rule.persona.name.lower()} | {rule.why} |"
        for rule in built_in()
    ]
    head = (
        "# The rules of `fastness check`\n\nMade from the rules themselves by `tools/docs.py`; `fastness explain` prints the "
        "same pages. [checker.md](../checker.md) tells how to live with them, [checker-rules.md](../checker-rules.md) how to "
        "write one.\n\n"
    )
    pages = {folder / f"{rule.id}.md": rule_page(rule) for rule in built_in()}
    return {index: head + "\n".join(rows) + "\n", **pages}


def rule_link(rule: type[Rule], page: Path) -> str:
    """The rule's id, leading to its page."""
    return f"[{rule.id}]({relative(ROOT / 'docs' / 'rules' / f'{rule.id}.md', page)})"


def commands(_page: Path, _argument: str) -> str:
    """The help of every command, as the command line prints it."""
    from typer.main import get_command
    from typer.testing import CliRunner

    from fastness.cli import app

    runner, parts = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}), []
    root = get_command(app)
    for words in command_words(root, ()):
        text = runner.invoke(app, [*words, "--help"], prog_name="fastness").stdout
        parts.append(f"### `{' '.join(('fastness', *words))}`\n\n```text\n{text.strip()}\n```")
    return "\n\n".join(parts)


def command_words(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words that lead to each command, groups before their members."""
    if words:
        yield words
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from command_words(command.get_command(None, name), (*words, name))


def links(controls: tuple[Control, ...], page: Path) -> str:
    """The controls by name; a planned one says so."""
    return ", ".join(link(control, page) for control in controls) or "none yet"


def link(control: Control, page: Path) -> str:
    """The control's title, leading to its page when there is one."""
    if control.planned:
        return f"{control.title} (planned)"
    return f"[{control.title}]({relative(ROOT / control.page, page)})"


def relative(target: Path, page: Path) -> str:
    """The way from a page to a file, as a browser walks it."""
    up = len(page.parent.relative_to(ROOT).parts)
    return "../" * up + target.relative_to(ROOT).as_posix()


def numbers(values: tuple[int, ...]) -> str:
    """Numbers for a table cell."""
    return ", ".join(map(str, values)) or "-"


WRITERS: dict[str, Callable[[Path, str], str]] = {
    "settings": settings,
    "every-setting": every_setting,
    "catalogue": catalogue,
    "planned": planned,
    "checklist": checklist,
    "commands": commands,
    "check-settings": check_settings,
    "verdicts": verdicts,
}


def made(arguments: list[str]) -> bool:
    """Write or check docs/rules; whether something is stale."""
    wanted = rule_files()
    folder = ROOT / "docs" / "rules"
    left = [page for page in folder.glob("*.md") if page not in wanted]
    stale = [page for page, text in wanted.items() if not page.is_file() or page.read_text(encoding="utf-8") != text]
    for page in (*stale, *left):
        name = page.relative_to(ROOT)
        if "--check" in arguments:
            print(f"{name}: stale, run tools/docs.py", file=sys.stderr)
        elif page in wanted:
            page.parent.mkdir(exist_ok=True)
            page.write_text(wanted[page], encoding="utf-8")
            print(f"{name}: written")
        else:
            page.unlink()
            print(f"{name}: removed")
    return "--check" in arguments and bool(stale or left)


def main(arguments: list[str]) -> int:
    """Write or check every page."""
    failed = made(arguments)
    for page in pages():
        name = page.relative_to(ROOT)
        try:
            text = fresh(page)
        except Exception as error:  # noqa: BLE001 - a module that cannot be imported is this page's failure
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed = True
            continue
        if text == page.read_text(encoding="utf-8"):
            continue
        if "--check" in arguments:
            print(f"{name}: stale, run tools/docs.py", file=sys.stderr)
            failed = True
        else:
            page.write_text(text, encoding="utf-8")
            print(f"{name}: written")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
