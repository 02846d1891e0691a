"""CPU per request and throughput of the full stack against bare FastAPI, the guide's stack, slowapi and fastapi-users."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load, peers, report
from bench.apps.common import ORIGIN
from bench.server import Server, free_port, serving, uvicorn
from bench.stacks import STACKS, Headers, Stack, ours, prove_limits


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: int
    connections: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one round of one stack measured."""

    requests: int
    rate: float
    cpu: float
    """Microseconds of the server's CPU for one request."""
    p50: float
    p99: float
    memory: float


@dataclass(slots=True)
class Standing:
    """A fresh server that was proven, and the slices of load that it had so far."""

    stack: Stack
    server: Server
    headers: Headers
    again: Callable[[], None]
    used: float = 0.0
    slices: list[load.Load] = field(default_factory=list)

    def press(self, by: str, seconds: float, connections: int) -> None:
        """One slice.

        Raises:
            SystemExit: an answer was not 2xx, or was where all must be refusals.
        """
        before = self.server.cpu()
        seen = load.press(by, self.server.port, "/me", self.headers, seconds=seconds, connections=connections)
        self.used += self.server.cpu() - before
        self.slices.append(seen)
        wrong = seen.requests - seen.bad if self.stack.refuses else seen.bad
        if wrong:
            raise SystemExit(f"{self.stack.title}: {wrong} of {seen.requests} answers were of the wrong kind")

    def run(self) -> Run:
        """The sum of all slices, after a last proof."""
        self.again()
        requests, seconds = sum(seen.requests for seen in self.slices), sum(seen.seconds for seen in self.slices)
        p50, p99 = (statistics.median(times) for times in zip(*((s.p50, s.p99) for s in self.slices), strict=True))
        memory = self.server.peak_memory()
        return Run(requests, requests / seconds, self.used / requests * 1e6, p50, p99, memory)


@contextlib.contextmanager
def standing(stack: Stack, python: Path) -> Iterator[Standing]:
    """Start a stack and prove it."""
    secret, port = secrets.token_urlsafe(36), free_port()
    with tempfile.TemporaryDirectory() as folder:
        env = {"BENCH_SECRET": secret, "BENCH_DATABASE": f"{folder}/users.db", "FASTNESS_SECRET": secret}
        with serving(uvicorn(python, stack.app, port), port, env | dict(stack.env or {}), Path(folder)) as server:
            headers: Headers = {"Host": "api.example.com", **(stack.more or {})}
            again: Callable[[], None] = lambda: None  # noqa: E731
            if stack.prove is not None:
                headers, again = stack.prove(server, secret, {**headers, "Origin": ORIGIN})
            yield Standing(stack, server, headers, again)


def measured(stacks: Sequence[Stack], pythons: Mapping[str | None, Path], by: str, how: Plan) -> dict[str, Run]:
    """One round: fresh servers of all stacks, warmed, then pressed in turn for a second at a time.

    So short a turn makes what else the machine does hit all alike; each next lap starts at another stack.
    """
    with contextlib.ExitStack() as servers:
        all_of_them = [servers.enter_context(standing(stack, pythons[stack.peer])) for stack in stacks]
        for one in all_of_them:
            load.press(by, one.server.port, "/me", one.headers, seconds=1, connections=4)
        for lap in range(how.seconds):
            turn = lap % len(all_of_them)
            for one in [*all_of_them[turn:], *all_of_them[:turn]]:
                one.press(by, 1, how.connections)
        return {one.stack.title: one.run() for one in all_of_them}


def show(runs: dict[str, list[Run]]) -> None:
    """One row per stack: medians over the rounds; ratios are taken inside each round."""
    rows = []
    base = runs[STACKS[0].title]
    for title, found in runs.items():
        pairs = list(zip(base, found, strict=True))
        cpu = [one.cpu / other.cpu for one, other in pairs]
        middle = statistics.median
        rows.append(
            [
                title,
                f"{middle(other.rate / one.rate for one, other in pairs):.2f}",
                f"{middle(cpu):.2f}",
                f"{min(cpu):.2f}-{max(cpu):.2f}",
                f"{middle(run.cpu for run in found):.0f}",
                f"{middle(run.p50 for run in found):.2f}",
                f"{middle(run.p99 for run in found):.2f}",
                f"{middle(run.memory for run in found):.0f}",
            ]
        )
    heads = ("stack", "throughput", "CPU ratio", "of rounds", "CPU us", "p50 ms", "p99 ms", "RSS MiB")
    report.table(heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 short rounds, to see that everything works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of load for each stack in a round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", help="part of the title of the stacks to compare with bare FastAPI")
    parser.add_argument("--own-client", action="store_true", help="bench/load.py even where wrk is installed")
    chosen = parser.parse_args()
    how = Plan(2, 2, chosen.connections) if chosen.quick else Plan(chosen.rounds, chosen.seconds, chosen.connections)
    by = "bench/load.py" if chosen.own_client else load.tool()
    stacks = [s for s in STACKS if s in STACKS[:2] or not chosen.only or chosen.only.lower() in s.title.lower()]
    pythons = {s.peer: peers.python_of(s.peer) if s.peer else Path(sys.executable) for s in stacks}
    context = report.context()
    report.introduce(context)
    print(
        f"{how.rounds} rounds of fresh processes, {how.seconds} turns of one second each, {how.connections} keep-alive "
        f"connections by {by}, one uvicorn worker"
    )
    for stack in stacks:
        if stack.prove is ours:
            prove_limits(stack, pythons[stack.peer])
    runs: dict[str, list[Run]] = {stack.title: [] for stack in stacks}
    for number in range(how.rounds):
        for title, run in measured(stacks, pythons, by, how).items():
            runs[title].append(run)
            print(f"  round {number + 1}  {title:52} {run.cpu:6.0f} us  {run.rate:7.0f}/s", flush=True)
    show(runs)
    figures = {title: [asdict(run) for run in found] for title, found in runs.items()}
    report.save("requests", context, {"how": {**asdict(how), "load": by}, "runs": figures})


if __name__ == "__main__":
    main()
