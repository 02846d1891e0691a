"""
## What it looks for
`yaml.load` with a loader that makes Python objects.

## Why it matters
A document can name any class and call it: `!!python/object/apply:os.system ["id"]`.

## Bad
    import yaml
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/size")
    async def size(request: Request) -> int:
        return len(yaml.load(await request.body(), Loader=yaml.Loader))

## Good
    import yaml
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.get("/size")
    async def size(request: Request) -> int:
        return len(yaml.safe_load(await request.body()))

## How it is found
Calls of PyYAML's `load` and `load_all` without a safe loader, of `unsafe_load`, and ruamel.yaml with `typ="unsafe"`.
`SafeLoader`, `CSafeLoader`, `BaseLoader`, `FullLoader` and loaders of the project that inherit them are left alone.

## What it cannot see
Whether the document is the program's own.

## How to tell the checker
`# fastness: ignore[FN308] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 1.5.2, CWE-502.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_SAFE = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader", "FullLoader", "CFullLoader")


class UnsafeYaml(Rule):
    """YAML that makes objects."""

    id, name, control, severity = "FN308", "unsafe-yaml", "fields", Severity.CRITICAL
    owasp, asvs, cwe = ("API8:2023",), ("1.5.2",), (502,)
    why = "a document can call any function of the program"
    fix = "use yaml.safe_load"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(
            "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "ruamel.yaml.YAML"
        ):
            word = call.name.rpartition(".")[2]
            if word == "YAML":
                if call.value("typ", 0).text == "unsafe":
                    yield self.found(
                        call.place, "this YAML reader makes any object that a document names", subject=call.code
                    )
                continue
            if not call.name.startswith("yaml."):
                continue
            loader = call.arg("Loader", 1)
            found = project.names.resolve(call.scope, loader) if loader is not None else None
            safe = found is not None and project.names.is_a(found, *_SAFE)
            if word.startswith("unsafe") or not (safe or (loader is not None and found is None)):
                yield self.found(call.place, f"yaml.{word} makes any object that a document names", subject=call.code)
