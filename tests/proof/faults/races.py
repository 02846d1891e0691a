"""Experiments 10, 12 and 14: what may happen once is asked for fifty times at once, of two services on one database."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from accounts.serving import PASSWORD, Clock, Served, bearer, digits, link_token, serving
from fastness.accounts.mail import MemoryMailer
from fresh_database import fresh_url
from proof.faults.experiment import Figure, Trial, at_least, none, only

CALLERS = 50
LINK = "https://app.example.com/code"


async def refreshes(trial: Trial) -> list[Figure]:
    """One refresh token, by everybody at once: one successor, which alone goes on."""
    statuses, forks, leaves, rounds = Counter[int](), list[str](), list[str](), trial.sized(short=1, full=20)
    async with _two(trial) as two:
        for number in range(rounds):
            email = await two.account(f"r{number}")
            given = {"refresh_token": (await two.one.login(email))["refresh_token"]}
            answers = await two.all_ask("/auth/refresh", [given] * CALLERS)
            statuses.update(answer.status_code for answer in answers)
            successors = {answer.json().get("refresh_token") for answer in answers}
            forks += [f"round {number}: {len(successors)} successors"] if len(successors) != 1 else []
            again = await asyncio.gather(
                *(two.one.client.post("/auth/refresh", json={"refresh_token": one}) for one in successors)
            )
            live = [answer.status_code for answer in again].count(200), await two.sessions(email)
            leaves += [f"round {number}: (good successors, sessions) are {live}"] if live != (1, 1) else []
    return [
        at_least("refreshes", statuses.total(), rounds * CALLERS),
        only("answers", statuses, {200}),
        none("forks", forks),
        none("rounds without exactly one live leaf", leaves),
    ]


async def once(trial: Trial) -> list[Figure]:
    """Codes, links, factors and challenges, each by everybody at once: one success."""
    rounds, figures = trial.sized(short=1, full=20), list[Figure]()
    async with _two(trial) as two:
        for what, (round_, refused) in _ONCE.items():
            statuses, wrong = Counter[int](), list[str]()
            for number in range(rounds):
                seen = Counter(answer.status_code for answer in await round_(two, f"{what.replace(' ', '-')}{number}"))
                statuses += seen
                wrong += [f"round {number}: {seen[200]} successes"] if seen[200] != 1 else []
            figures += [
                at_least(f"{what}: tries", statuses.total(), rounds * CALLERS),
                only(f"{what}: answers", statuses, {200, *refused}),
                none(f"{what}: rounds without exactly one success", wrong),
            ]
    return figures


async def addresses(trial: Trial) -> list[Figure]:
    """Two changes of address at once, confirmed at once and crosswise: no code confirms the other's address."""
    pairs, statuses, crossed, wrong = trial.sized(short=5, full=100), Counter[int](), list[str](), list[str]()
    async with _two(trial) as two:
        for number in range(pairs):
            email = await two.account(f"e{number}")
            headers = bearer(await two.one.login(email))
            new = [f"{name}{number}@example.org" for name in ("a", "b")]
            asked = await two.all_ask("/account/email", [{"email": one, "password": PASSWORD} for one in new], headers)
            codes = [digits(await two.mail_to(one)) for one in new]
            flows = [answer.json()["flow"] for answer in asked]
            tries = [(flow, code) for flow in range(2) for code in range(2)]
            answers = await two.all_ask(
                "/account/email/confirm", [{"flow": flows[flow], "code": codes[code]} for flow, code in tries], headers
            )
            statuses.update(answer.status_code for answer in answers)
            done = [pair for pair, answer in zip(tries, answers, strict=True) if answer.status_code == 200]
            crossed += [f"pair {number}: {pair}" for pair in done if pair[0] != pair[1]]
            now = (await two.one.client.get("/profile", headers=headers)).json()["email"]
            good = len(done) == 1 and now == new[done[0][0]]
            wrong += [] if good else [f"pair {number}: {done} confirmed, and the address is {now}"]
    return [
        at_least("confirmations", statuses.total(), 4 * pairs),
        only("answers", statuses, {200, 400}),
        none("codes that confirmed the other address", crossed),
        none("pairs of which not exactly one address came to count", wrong),
    ]


class _Two:
    """Two services that know each other by the database alone, and one mailbox and clock beside them."""

    def __init__(self, one: Served, other: Served) -> None:
        self.one, self._other = one, other

    async def all_ask(
        self, path: str, bodies: Sequence[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> list[Any]:
        """Everybody posts at once, half of them to either service."""
        clients = (self.one.client, self._other.client)
        return list(
            await asyncio.gather(
                *(clients[n % 2].post(path, json=body, headers=headers) for n, body in enumerate(bodies))
            )
        )

    async def account(self, name: str) -> str:
        email = f"{name}@example.com"
        flow = await self.one.register(email)
        given = {"code": digits(await self.mail_to(email)), "flow": flow}
        assert (await self.one.client.post("/auth/verify-email", json=given)).status_code == 200
        return email

    async def asked(self, path: str, email: str) -> tuple[str, Any]:
        """The flow and the mail of a code that was asked for."""
        answer = await self.one.client.post(path, json={"email": email})
        assert answer.status_code == 202, answer.text
        return answer.json()["flow"], await self.mail_to(email)

    async def mail_to(self, email: str) -> Any:
        """The last mail with a code to this address."""
        for served in (self.one, self._other):
            await served.service.mail.settled()
        return next(mail for mail in reversed(self.one.mails) if mail.to == email and "Your code: " in mail.text)

    async def sessions(self, email: str) -> int:
        async with self.one.service.db.read() as work:
            account = await work.users.by_email(email)
            assert account is not None
            return len(await work.sessions.list(account.id, now=self.one.clock.wall()))


@contextlib.asynccontextmanager
async def _two(trial: Trial) -> AsyncIterator[_Two]:
    links = dict.fromkeys(("verify_link", "reset_link", "magic_link"), LINK)
    rest: Any = {"mailer": MemoryMailer(), "clock": Clock.at_rest(), "magic": True, **links}
    async with (
        fresh_url(trial.cell.database, trial.folder) as url,
        serving(url, **rest) as one,
        serving(url, **rest) as other,
    ):
        yield _Two(one, other)


async def _verify(two: _Two, name: str, *, link: bool) -> list[Any]:
    email = f"{name}@example.com"
    flow = await two.one.register(email)
    return await two.all_ask("/auth/verify-email", [_proof(flow, await two.mail_to(email), link=link)] * CALLERS)


async def _reset(two: _Two, name: str, *, link: bool) -> list[Any]:
    proof = _proof(*await two.asked("/auth/password/forgot", email := await two.account(name)), link=link)
    chosen = [f"{PASSWORD} {name} {n}" for n in range(CALLERS)]
    answers = await two.all_ask("/auth/password/reset", [{**proof, "password": one} for one in chosen])
    for password, answer in zip(chosen, answers, strict=True):
        if answer.status_code == 200:
            await two.one.login(email, password)
    return answers


async def _magic(two: _Two, name: str, *, link: bool) -> list[Any]:
    flow, mail = await two.asked("/auth/magic", await two.account(name))
    return await two.all_ask("/auth/magic/redeem", [{**_proof(flow, mail, link=link), "flow": flow}] * CALLERS)


async def _factor(two: _Two, name: str, *, what: str) -> list[Any]:
    """Ten sign-ins, and one factor five times at each: what may be used up is the factor."""
    email = await two.account(name)
    _, seed, recovery = await two.one.with_totp(email)
    given = two.one.totp(seed) if what == "code" else recovery[0]
    tokens = [await two.one.challenge(email) for _ in range(CALLERS // 5)]
    return await two.all_ask("/auth/mfa", [{"mfa_token": token, what: given} for token in tokens * 5])


async def _challenge(two: _Two, name: str) -> list[Any]:
    """One sign-in, with ten factors that are all good: what may be used up is the sign-in."""
    email = await two.account(name)
    _, _, recovery = await two.one.with_totp(email)
    token = await two.one.challenge(email)
    return await two.all_ask("/auth/mfa", [{"mfa_token": token, "recovery_code": one} for one in recovery * 5])


def _proof(flow: str, mail: Any, *, link: bool) -> dict[str, str]:
    return {"token": link_token(mail)} if link else {"flow": flow, "code": digits(mail)}


_ONCE: dict[str, tuple[Callable[[_Two, str], Awaitable[list[Any]]], set[int]]] = {
    "verify by link": (partial(_verify, link=True), {400}),
    "verify by code": (partial(_verify, link=False), {400}),
    "reset by link": (partial(_reset, link=True), {400}),
    "reset by code": (partial(_reset, link=False), {400}),
    "magic by link": (partial(_magic, link=True), {400}),
    "magic by code": (partial(_magic, link=False), {400}),
    "TOTP step": (partial(_factor, what="code"), {401, 403}),
    "recovery code": (partial(_factor, what="recovery_code"), {401, 403}),
    "challenge": (_challenge, {401, 403}),
}
"""One round of each, and what those read who come too late."""
