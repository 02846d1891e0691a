"""Codes that the application mailed: it writes its mails into the scratch folder, and they are read there."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Mapping
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastness.checker.evidence.attacker import Attacker
    from fastness.checker.evidence.exchange import Answer

_VERIFY = re.compile(r"verif|confirm|activat", re.IGNORECASE)
_CODE = re.compile(r"(?i)code\W{1,4}([A-Z0-9]{4,12})\b")
_FIELD = re.compile(r"code|otp|pin", re.IGNORECASE)
_PATIENCE = 10
"""Tenths of a second for mails that are sent behind the answer."""


async def confirm(attacker: Attacker, address: str, registered: Answer) -> bool:
    """Prove an address with the code of the mail that its registration sent, where there is such a route and a mail."""
    operation = next(
        (o for o in attacker.operations if o.method == "POST" and _VERIFY.search(o.path) and _codes(o.fields)), None
    )
    if operation is None:
        return False
    code = _wait(attacker, address)
    if not code:
        return False
    said: dict[str, Any] = registered.value if isinstance(registered.value, dict) else {}
    known = {name: said[name] for name in operation.fields if name in said}
    known |= {name: address for name in operation.fields if "mail" in name}
    cookies = "; ".join(each.split(";")[0] for each in registered.all("set-cookie"))
    sent = operation.request(body={**known, **dict.fromkeys(_codes(operation.fields), code)})
    headers = {name: value for name, value in sent.headers if name != "cookie"} | (
        {"cookie": cookies} if cookies else {}
    )
    answer = await attacker.send(sent.method, sent.path, query=sent.query, headers=headers, body=sent.body)
    return answer.ok


def _codes(fields: Mapping[str, Any]) -> list[str]:
    return [name for name in fields if _FIELD.search(name)]


def _wait(attacker: Attacker, address: str) -> str:
    for _ in range(_PATIENCE):
        found = next(_mailed(attacker.loaded.scratch.folder / "mail", address), "")
        if found:
            return found
        # Its loop stands still between requests; the mail may be a task in it.
        attacker.loaded.ask({"do": "idle", "seconds": 0.1})
    return ""


def _mailed(folder: Path, address: str) -> Iterator[str]:
    for path in folder.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        body = message.get_body(("plain",))
        found = _CODE.search(body.get_content()) if body is not None else None
        if address in str(message["To"]) and found:
            yield found[1]
