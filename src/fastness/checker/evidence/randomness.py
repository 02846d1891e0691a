"""What random values are for, and how many of them there can be."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

WEAK = re.compile(
    r"^(random|numpy\.random|np\.random)\.(choices?|randint|randrange|sample|random|getrandbits|randbytes|uniform|shuffle|integers)$"
)
_WEAK_WORDS = (
    "choice",
    "choices",
    "randint",
    "randrange",
    "sample",
    "random",
    "getrandbits",
    "randbytes",
    "uniform",
    "shuffle",
    "integers",
)
_CALLERS = 8
_STRONG_WORDS = ("randbelow", "token_hex", "token_urlsafe", "token_bytes", "choice")


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One drawing of a random value."""

    call: Call
    names: str
    """The function it stands in and everything that gets the value, joined by blanks."""
    weak: bool
    """It comes from the `random` module, whose next values follow from some earlier ones."""


def drawings(project: Project) -> tuple[Drawn, ...]:
    """Every random value that is drawn; `project.once(drawings)`."""
    return tuple(_drawings(project))


def _drawings(project: Project) -> Iterator[Drawn]:
    for call in project.calls(*dict.fromkeys((*_WEAK_WORDS, *_STRONG_WORDS))):
        weak = WEAK.match(call.name) is not None
        if _waits(call):
            continue
        if weak or re.match(r"^(secrets\.\w+|random\.SystemRandom(\(\))?\.\w+)$", call.name):
            yield Drawn(call, " ".join(receivers(project, call.scope, call.node)), weak)


def _waits(call: Call) -> bool:
    """Whether it is how long something waits: an argument of `sleep`, or a figure of `uniform`."""
    if call.name.endswith("random.uniform"):
        return True
    return any(
        written(outer.func).rpartition(".")[2] in {"sleep", "wait_for", "wait", "call_later", "timeout"}
        and any(_within(a, call.node) for a in outer.args)
        for outer in call.scope.calls
        if outer is not call.node
    )


def receivers(project: Project, scope: Scope, node: ast.AST, deep: int = 1) -> list[str]:
    """Names that a value ends up in: variables, keyword arguments, dict keys, and the function that returns it."""
    found: list[str] = []
    for name, assignments in scope.assigned.items():
        if any(a.value is not None and _within(a.value, node) for a in assignments):
            found.append(name)
    for call in scope.calls:
        found.extend(k.arg for k in call.keywords if k.arg and _within(k.value, node))
    for display in project.nodes_of(scope, ast.Dict):
        pairs = zip(display.keys, display.values, strict=True)
        found.extend(
            k.value for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str) and _within(v, node)
        )
    for assign in project.nodes_of(scope, ast.Assign):
        if _within(assign.value, node):
            found.extend(written(t) for t in assign.targets if isinstance(t, ast.Subscript))
    returned = [r.value for r in scope.nodes.get(ast.Return, ()) if isinstance(r, ast.Return) and r.value is not None]
    gives = any(_within(r, node) or any(isinstance(n, ast.Name) and n.id in found for n in walk(r)) for r in returned)
    if scope.kind == "function" and (gives or not found):
        found.append(scope.short)
    if scope.kind == "function" and gives and deep:
        # What the function makes is for those who call it.
        for caller in islice(project.function_of(scope).callers(), _CALLERS):
            found.extend(receivers(project, caller.scope, caller.node, deep - 1))
    return found


def bits(project: Project, drawn: Drawn) -> float | None:
    """How many bits a drawn code has, the repetition around it counted; None when that is not known."""
    call, word = drawn.call, drawn.call.name.rpartition(".")[2]
    once: float | None = None
    if word in {"randint", "integers"}:
        low, high = call.value("a", "low", 0).number, call.value("b", "high", 1).number
        once = high - low + 1 if low is not None and high is not None else None
    elif word in {"randbelow", "randrange"}:
        first, second = call.value("exclusive_upper_bound", "start", 0).number, call.value("stop", 1).number
        once = first if second is None else second - (first or 0)
    elif word in {"choice", "choices", "sample"}:
        letters = _alphabet(project, call)
        count = 1.0 if word == "choice" else call.value("k", 2 if word == "choices" else 1).number
        once = letters**count if letters and count and count < 100 else None  # noqa: PLR2004 - longer is long enough
    if once is None or once <= 1:
        return None
    repeated = _repeated(project, call)
    return None if repeated is None else repeated * math.log2(once)


def picks(project: Project, drawn: Drawn) -> bool:
    """Whether it picks one of some things that are there, and makes nothing: `choice(credential_ids)`."""
    call = drawn.call
    if not call.name.endswith(".choice") or _alphabet(project, call) is not None or _repeated(project, call) != 1.0:
        return False
    given = call.arg("seq", 0)
    return (
        isinstance(given, (ast.Name, ast.Attribute))
        and re.search(r"(ids|s|list|pool)$", written(given)) is not None
        and re.search(r"digits|letters|chars|alphabet|numbers|hex", written(given), re.IGNORECASE) is None
    )


def _alphabet(project: Project, call: Call) -> float | None:
    expr = call.arg("seq", "population", 0)
    if expr is None:
        return None
    value = project.value(call.scope, expr)
    if value.text:
        return float(len(value.text))
    text = written(expr)
    known = {
        "ascii_lowercase": 26,
        "ascii_uppercase": 26,
        "ascii_letters": 52,
        "digits": 10,
        "hexdigits": 22,
        "punctuation": 32,
    }
    parts = [
        known[word]
        for word in re.findall(r"string\.(\w+)|\b(ascii_\w+|digits|hexdigits)\b", text)
        for word in word
        if word in known
    ]
    if isinstance(expr, ast.Call) and text.startswith("range("):
        numbers = [project.value(call.scope, a).number for a in expr.args]
        return (
            (numbers[-1] or 0) - (numbers[0] or 0 if len(numbers) > 1 else 0)
            if numbers and numbers[-1] is not None
            else None
        )
    return float(sum(parts)) if parts else None


def _repeated(project: Project, call: Call) -> float | None:
    """The rounds of the comprehension around a call: `for _ in range(6)`; 1 when there is none."""
    for node in walk(call.scope.node):
        if isinstance(node, (ast.GeneratorExp, ast.ListComp)) and _within(node.elt, call.node):
            source = node.generators[0].iter
            if isinstance(source, ast.Call) and written(source.func) == "range" and len(source.args) == 1:
                return project.value(call.scope, source.args[0]).number
            return None
        if isinstance(node, (ast.For, ast.While)) and any(_within(s, call.node) for s in node.body):
            return None
    return 1.0


def _within(outer: ast.AST, node: ast.AST) -> bool:
    return any(part is node for part in walk(outer))
