"""
## What it looks for
`pickle` and its relatives on bytes that were received, uploaded or stored where others write.

## Why it matters
A pickle is a program: loading it runs what its author wanted, before anything can be tested.

## Bad
    import pickle
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/basket")
    async def basket(request: Request) -> int:
        return len(pickle.loads(bytes.fromhex(request.cookies["basket"])))

## Good
    import json
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/basket")
    async def basket(request: Request) -> int:
        return len(json.loads(request.cookies["basket"]))

## How it is found
The bytes given to `pickle`, `marshal`, `dill`, `joblib`, `torch.load`, `numpy.load(allow_pickle=True)` and
`pandas.read_pickle` are followed back. Bytes of a request or an upload are an error; bytes out of a cache, a database or a
queue are reported too. A file of the program itself (a constant or configured path) is reported to pedantic readers.

## What it cannot see
Who else may write to a file or a cache.

## How to tell the checker
`# fastness: ignore[FN307] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 1.5.2, CWE-502.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.origin import Source
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_LOADS = re.compile(
    r"^(c?[pP]ickle|_pickle|pickle5|marshal|dill|cloudpickle|joblib|torch|numpy|np|pandas|pd|jsonpickle|shelve)\b.*\.(loads?|read_pickle|decode|Unpickler|open)$"
)
_STORES = re.compile(
    r"redis|cache|(^|[._])(get|hget|lpop|rpop|blpop|fetchone|fetchall|first|scalar|recv|get_object|download\w*|receive\w*|read_bytes|lrange)$",
    re.IGNORECASE,
)


class UnpickledData(Rule):
    """Pickles from outside."""

    id, name, control, severity = "FN307", "unpickled-data", "fields", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("1.5.2",), (502,)
    why = "loading a pickle runs the code that its author put in"
    fix = "use JSON, or a format without code: safetensors, torch.load(..., weights_only=True)"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("loads", "load", "read_pickle", "Unpickler", "jsonpickle.decode", "shelve.open"):
            if not _LOADS.search(call.name) or _harmless(call) or _made_here(call):
                continue
            given = call.arg(0)
            sources = project.flow.origins(call.scope, given)
            asked = sorted({s.name for s in sources if s.kind == "request" and not s.harmless})
            word = ".".join(call.name.split(".")[-2:])
            if asked and not _read_from_own_file(sources):
                yield self.found(
                    call.place,
                    f"{word} runs what the request's {', '.join(asked)} holds",
                    subject=call.code,
                    severity=Severity.CRITICAL,
                )
            elif any(_STORES.search(w) for s in sources for w in (s.name, *s.through)):
                yield self.found(
                    call.place, f"{word} runs what was stored", subject=call.code, confidence=Confidence.MEDIUM
                )
            else:
                yield self.found(
                    call.place,
                    f"{word} runs what its file holds",
                    subject=call.code,
                    severity=Severity.MEDIUM,
                    confidence=Confidence.LOW,
                    persona=Persona.PEDANTIC,
                )


def _made_here(call: Call) -> bool:
    """Whether the same class made the bytes itself: `self._state = pickle.dumps(...)`."""
    given, owner = call.arg(0), call.scope.enclosing_class
    if not isinstance(given, ast.Attribute) or owner is None:
        return False
    text = written(given)
    values = [a.value for scope in owner.within() for a in scope.assigned.get(text, [])]
    return bool(values) and all(
        isinstance(v, ast.Call) and written(v.func).endswith((".dumps", "None")) for v in values if v is not None
    )


def _harmless(call: Call) -> bool:
    if call.name.startswith("torch.jit."):
        return True  # a reader of its own, without pickle's freedom
    if call.name.startswith("torch"):
        return call.value("weights_only").constant is True
    if call.name.startswith(("numpy", "np")):
        return call.value("allow_pickle").constant is not True
    return call.name.startswith(("pandas", "pd")) and not call.name.endswith("read_pickle")


def _read_from_own_file(sources: frozenset[Source]) -> bool:
    """Whether the request only chose a name among files that were opened."""
    return all(s.passed("open") for s in sources if s.kind == "request")
