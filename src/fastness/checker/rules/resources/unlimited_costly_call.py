"""
## What it looks for
A route that sends mail or SMS, or asks a paid model, without a limit.

## Why it matters
Each request costs money or reputation; a script sends a hundred thousand.

## Bad
    import openai
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/ask")
    def ask(question: str) -> str:
        answer = openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": question}])
        return answer.choices[0].message.content

## Good
    import openai
    from fastapi import FastAPI, Request
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = FastAPI()
    limiter = Limiter(key_func=get_remote_address)

    @app.get("/ask")
    @limiter.limit("5/minute")
    def ask(request: Request, question: str) -> str:
        answer = openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": question}])
        return answer.choices[0].message.content

## How it is found
Routes without a limit from which a call of a mailer, an SMS service or a model is reached, two functions deep.

## What it cannot see
Quotas that the account with the provider has.

## How to tell the checker
`# fastness: ignore[FN411] the reason` on the line.

## References
OWASP API4:2023, API6:2023, ASVS 2.4.1, CWE-770.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.effects import effects
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.model import Application
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_MODEL = re.compile(
    r"^(openai|anthropic|litellm|cohere|mistralai|groq|replicate|google\.generativeai|google\.genai|langchain\w*|ollama|twilio|together)\b"
    r".*\.(create|acreate|completion|acompletion|generate\w*|invoke|ainvoke|chat|run|a?stream|a?batch|parse)$"
)
_ASKS = frozenset({"invoke", "ainvoke", "stream", "astream", "batch", "abatch"})
_LANGCHAIN = re.compile(r"^langchain_\w+\.(?:[\w.]+\.)?Chat\w+$")


class UnlimitedCostlyCall(Rule):
    """A paid call without a limit."""

    id, name, control, severity = "FN411", "unlimited-costly-call", "limits", Severity.MEDIUM
    persona = Persona.PEDANTIC
    owasp, asvs, cwe, guide = ("API4:2023", "API6:2023"), ("2.4.1",), (770,), (7,)
    why = "a script spends your money, or your reputation as a sender of mail"
    fix = 'limit it by user: Depends(limit("20/hour", by="user"))'

    def inspect(self, application: Application) -> Iterator[Finding]:
        if "limits" in application.controls:
            return
        for route in application.routes:
            if route.kind != "http" or route.handler is None or route.guarded("limits") or route.development:
                continue
            what = _costly(route.handler)
            if what:
                yield self.found(
                    route.place,
                    f"{route} {what} without a limit",
                    route=route,
                    subject=str(route),
                    confidence=Confidence.MEDIUM,
                )


def _costly(handler: Function) -> str:
    if any(_MODEL.search(call.name) or _chained(call) for one in handler.reaches(2) for call in one.calls()):
        return "calls a paid service"
    return "sends messages" if "message" in effects(handler) else ""


def _chained(call: Call) -> bool:
    """Whether it asks a LangChain chain with a chat model in it: `prompt | ChatOpenAI(...)`."""
    if call.name.rpartition(".")[2] not in _ASKS or call.receiver is None:
        return False
    names = call.project.names
    found = names.resolve(call.scope, call.receiver)
    made = found.last.value if isinstance(found, Variable) else call.receiver
    scope = found.scope if isinstance(found, Variable) else call.scope
    return isinstance(made, ast.BinOp) and any(
        isinstance(node, ast.Call) and _LANGCHAIN.match(names.dotted(scope, node.func)) for node in ast.walk(made)
    )
