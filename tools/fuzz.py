"""Send requests that nobody expects to every route in every role, and look at every answer.

    python tools/fuzz.py                     100,000 requests, some minutes
    python tools/fuzz.py --requests 3000     a short form
    python tools/fuzz.py --target guide      one of accounts, guide, full

Half of the requests are made by Schemathesis from the OpenAPI document, each sent as nobody, with an expired and a
foreign token, as user, administrator and super administrator; the others carry the attack corpora of
tests/data/attacks. Exit code 1 for any 5xx, a success without the caller or role that the route needs, a refusal that
is no problem of the document, a success that is not as the document says, or a route that never served anybody.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from proof.fuzz.run import Fuzz, fuzz, unreached  # noqa: E402 - the tests are no installed package
from proof.fuzz.targets import CALLERS, TARGETS  # noqa: E402

SHARES = {"accounts": 0.6, "guide": 0.15, "full": 0.25}
SHORT = 10_000
"""Below this many requests each operation gets few cases, so that all get some."""


def report(found: Fuzz) -> list[str]:
    """Print what one target answered; the faults."""
    target, judge = found.target, found.judge
    groups = Counter(status // 100 for status in judge.statuses.elements())
    shown = ", ".join(f"{group}xx {count}" for group, count in sorted(groups.items()))
    print(
        f"{target.name}: {found.sent} requests, {len(found.generator.operations)} operations, {len(CALLERS)} callers; "
        f"{shown}; of these 429: {judge.statuses[429]}"
    )
    faults = [*judge.faults, *(f"nobody was ever served: {label}" for label in unreached(found))]
    for fault in faults[:20]:
        print(f"  {fault}")
    return faults


def main() -> int:
    """Fuzz each target; 0 when no answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=[*TARGETS], action="append")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # every refusal is a line; what lines may hold is tested by itself
    chosen = asked.target or [*TARGETS]
    whole, began, faults, sent = sum(SHARES[name] for name in chosen), time.monotonic(), 0, 0
    each = 40 if asked.requests >= SHORT else 2
    for name in chosen:
        number = max(1, round(asked.requests * SHARES[name] / whole))
        with tempfile.TemporaryDirectory(prefix="fastness-fuzz-") as folder:
            found = asyncio.run(
                fuzz(
                    name, Path(folder), number=number, seed=asked.seed, each=each,
                    told=lambda line: print(line, file=sys.stderr, flush=True),
                )
            )  # fmt: skip
        faults, sent = faults + len(report(found)), sent + found.sent
    print(f"{sent} requests in {time.monotonic() - began:.0f} s, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
