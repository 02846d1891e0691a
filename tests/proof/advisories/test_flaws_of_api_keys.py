"""Keys whose refusal tells which of them exist."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from fastness import Settings
from fastness.controls.apikeys import ApiKeys, MemoryApiKeys
from fastness.core.keys import KeyRing
from proof.advisories.advisory import advisory, package
from proof.advisories.front import protected, visiting

pytestmark = pytest.mark.anyio

RING = KeyRing(["qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"])


class CountedKeys(MemoryApiKeys):
    """The store in memory, which counts how often it is asked."""

    asked = 0

    async def find(self, digest: bytes) -> Any:
        self.asked += 1
        return await super().find(digest)


@advisory(
    29,
    "CVE-2026-23996",
    without=[
        package(
            "controls/apikeys/authenticator.py",
            '            raise self._invalid("unknown", name)',
            '            await asyncio.sleep(0.3)\n            raise self._invalid("unknown", name)',
        )
    ],
    also=[
        [  # a second look, for keys that were found only
            package(
                "controls/apikeys/authenticator.py",
                "                older = candidate != digest\n",
                "                older = candidate != digest\n"
                "                await self._answer(self._store.find(candidate))\n",
            )
        ]
    ],
)
async def test_cve_2026_23996_every_bad_key_is_refused_alike_and_for_the_same_work_as_a_good_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, day = CountedKeys(), [0.0]
    keys = ApiKeys(store, RING, now=lambda: time.time() + day[0])
    minted = {
        name: await keys.mint("ada", scopes=(), within=(), days=1 if name == "expired" else 30)
        for name in ("good", "expired", "disabled", "removed")
    }
    await store.disable(minted["disabled"].record.id)
    await store.remove(minted["removed"].record.id)
    day[0] = 2 * 86_400.0
    sent = {name: one.key.get_secret_value() for name, one in minted.items()}
    sent["unknown"] = (await ApiKeys(MemoryApiKeys(), RING).mint("eve", scopes=(), within=())).key.get_secret_value()
    app, _ = protected(settings=Settings(environment="development"), authenticators=[keys])
    seen, asked = {}, {}
    paused: list[float] = []

    async def pausing(seconds: float, result: Any = None) -> Any:
        paused.append(seconds)
        return result

    monkeypatch.setattr(asyncio, "sleep", pausing)
    monkeypatch.setattr(time, "sleep", paused.append)

    async with visiting(app) as http:
        for name, key in sent.items():
            keys.forget(minted[name].record.id if name in minted else "")
            store.asked = 0
            answer = await http.get("/me", headers={"X-API-Key": key})
            body = {member: value for member, value in answer.json().items() if member != "request_id"}
            headers = sorted(name for name in answer.headers if name != "x-request-id")
            seen[name], asked[name] = (answer.status_code, body, headers), store.asked

    assert seen.pop("good")[0] == 200
    assert all(one == seen["unknown"] for one in seen.values())
    assert seen["unknown"][0] == 401
    assert set(asked.values()) == {1}
    assert [seconds for seconds in paused if seconds > 0] == []
