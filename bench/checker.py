"""What `fastness check` costs: CPU per 1,000 lines and memory on 10, 100 and 1,000 files, against bandit; `--version` and `--help`."""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import peers, report

import fastness

OURS = Path(sys.executable).parent / "fastness"
COMMON = """
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from app.tokens import subject

bearer = OAuth2PasswordBearer(tokenUrl="token")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column()
    password_hash: Mapped[str] = mapped_column()


def database() -> Iterator[Session]:
    with Session() as session:
        yield session


Db = Annotated[Session, Depends(database)]


def current_user(token: Annotated[str, Depends(bearer)], db: Db) -> User:
    user = db.get(User, subject(token))
    if user is None:
        raise HTTPException(401)
    return user


Caller = Annotated[User, Depends(current_user)]
"""
TOKENS = """
import os

import jwt


def subject(token: str) -> int:
    claims = jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])
    return int(claims["sub"])
"""
PART = '''
"""Things of kind {n}."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.common import Base, Caller, Db

log = logging.getLogger(__name__)
router = APIRouter(prefix="/things{n}", tags=["things{n}"])


class Thing{n}(Base):
    __tablename__ = "things{n}"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column()
    name: Mapped[str] = mapped_column()
    count: Mapped[int] = mapped_column(default=0)


class New{n}(BaseModel):
    name: str = Field(max_length=100)
    count: int = Field(ge=0, le=1000)


class Shown{n}(BaseModel):
    id: int
    name: str


class Things{n}:
    """Every query about them."""

    def __init__(self, db: Session) -> None:
        self.db = db

    def mine(self, owner: int, limit: int) -> list[Thing{n}]:
        found = self.db.scalars(select(Thing{n}).where(Thing{n}.owner_id == owner).limit(limit))
        return list(found)

    def one(self, owner: int, thing_id: int) -> Thing{n}:
        found = self.db.get(Thing{n}, thing_id)
        if found is None or found.owner_id != owner:
            raise HTTPException(404)
        return found

    def add(self, owner: int, given: New{n}) -> Thing{n}:
        thing = Thing{n}(owner_id=owner, **given.model_dump())
        self.db.add(thing)
        self.db.commit()
        return thing


@router.get("", response_model=list[Shown{n}])
def mine(user: Caller, db: Db, limit: int = Query(default=20, le=100)):
    return Things{n}(db).mine(user.id, limit)


@router.get("/{{thing_id}}", response_model=Shown{n})
def one(thing_id: int, user: Caller, db: Db):
    return Things{n}(db).one(user.id, thing_id)


@router.post("", response_model=Shown{n}, status_code=201)
def add(given: New{n}, user: Caller, db: Db):
    thing = Things{n}(db).add(user.id, given)
    log.info("thing %s was added", thing.id)
    return thing


@router.delete("/{{thing_id}}", status_code=204)
def remove(thing_id: int, user: Caller, db: Db) -> None:
    thing = Things{n}(db).one(user.id, thing_id)
    label = f"{{thing.name}} ({{thing.count}})"
    db.delete(thing)
    db.commit()
    log.info("%s was removed", label)
'''

PLAIN = '''
"""Work of kind {n} that no route does itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)
KINDS = ("first", "second", "third")
LONGEST = 1_000


class Refused{n}(Exception):
    """What was given cannot be counted."""


@dataclass(frozen=True, slots=True)
class Report{n}:
    """One report."""

    name: str
    made: dt.datetime
    rows: tuple[dict[str, int], ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(row.get("count", 0) for row in self.rows)

    def text(self) -> str:
        head = f"{{self.name}} of {{self.made:%Y-%m-%d}}: {{self.total}}"
        return "\\n".join([head, *(f"{{key}}={{value}}" for row in self.rows for key, value in row.items())])


class Reports{n}:
    """Keeps reports in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Report{n}] = {{}}

    def add(self, name: str, rows: Iterable[dict[str, int]]) -> Report{n}:
        kept = tuple(row for row in rows if row.get("count", 0) >= 0)
        if len(kept) > LONGEST:
            raise Refused{n}(f"{{len(kept)}} rows are too many")
        report = Report{n}(name, dt.datetime.now(dt.UTC), kept)
        self.known[name] = report
        log.info("report %s has %d rows", name, len(kept))
        return report

    def write(self, name: str) -> Path:
        report = self.known[name]
        target = self.folder / f"report-{n}.json"
        try:
            target.write_text(json.dumps({{"name": report.name, "rows": report.rows}}))
        except OSError as error:
            log.warning("the report was not written: %s", error)
            raise Refused{n} from error
        return target

    def checksum(self, name: str) -> str:
        made = hashlib.sha256()
        for row in self.known[name].rows:
            for key in sorted(row):
                made.update(f"{{key}}:{{row[key]}}".encode())
        return made.hexdigest()


def merged(reports: Iterable[Report{n}], *, kind: str = KINDS[0]) -> Report{n}:
    """All rows under one name."""
    if kind not in KINDS:
        raise Refused{n}(kind)
    rows = [row for report in reports for row in report.rows]
    while rows and not rows[-1]:
        rows.pop()
    return Report{n}(kind, dt.datetime.now(dt.UTC), tuple(rows))
'''
ROUTED = 5
"""Every fifth file holds routes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One process, from its start to its end."""

    wall: float
    cpu: float
    """Seconds, user and system."""
    memory: float
    """Peak, MiB."""


def program(folder: Path, files: int) -> int:
    """An application of so many files, a fifth of them routers; gives its lines."""
    app = folder / "app"
    app.mkdir(parents=True)
    (app / "__init__.py").touch()
    (app / "common.py").write_text(COMMON.lstrip())
    (app / "tokens.py").write_text(TOKENS.lstrip())
    for number in range(files):
        text = PLAIN if number % ROUTED else PART
        (app / f"things{number}.py").write_text(text.lstrip().format(n=number))
    routers = range(0, files, ROUTED)
    imported = "\n".join(f"from app import things{n}" for n in routers)
    included = "\n".join(f"app.include_router(things{n}.router)" for n in routers)
    (app / "main.py").write_text(f"from fastapi import FastAPI\n\n{imported}\n\napp = FastAPI()\n{included}\n")
    return sum(file.read_text().count("\n") for file in app.glob("*.py"))


def cost(command: Sequence[object], allowed: frozenset[int] = frozenset({0})) -> Cost:
    """Run it.

    Raises:
        SystemExit: it ended otherwise than with one of `allowed`.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if process.returncode not in allowed:
            said.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}: {said.read().decode()[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 and 100 files, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without bandit, which is installed on the first run")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else chosen.rounds
    context = report.context()
    report.introduce(context)
    # As pip leaves a package; bandit's environment was made so.
    compileall.compile_dir(Path(fastness.__file__).parent, quiet=1)
    bandit = None if chosen.alone else peers.python_of("bandit")
    figures: dict[str, object] = {}
    rows = []
    with tempfile.TemporaryDirectory(prefix="fastness-bench-checker-") as scratch:
        for files in (10, 100) if chosen.quick else (10, 100, 1000):
            folder = Path(scratch) / str(files)
            lines = program(folder, files)
            ours, theirs = list[Cost](), list[Cost]()
            for _ in range(rounds):
                ours.append(cost([OURS, "check", folder, "--exit-zero", "--format", "json"]))
                if bandit is not None:
                    theirs.append(cost([bandit, "-m", "bandit", "-q", "-r", folder, "-f", "json"], frozenset({0, 1})))
            rows.append(_row(files, lines, ours, theirs))
            figures[str(files)] = {"lines": lines, "ours": [*map(asdict, ours)], "bandit": [*map(asdict, theirs)]}
    print(f"whole processes, median of {rounds} interleaved rounds")
    report.table(
        ("files", "lines", "wall s", "CPU s", "CPU s per 1,000 lines", "peak MiB", "bandit CPU s", "CPU / bandit"), rows
    )
    starts = {word: [cost([OURS, word]) for _ in range(3 * rounds)] for word in ("--version", "--help")}
    for word, costs in starts.items():
        print(
            f"fastness {word}: {min(c.wall for c in costs):.3f} s, {statistics.median(c.cpu for c in costs):.3f} s CPU"
        )
    figures["starts"] = {word: [*map(asdict, costs)] for word, costs in starts.items()}
    report.save("checker", context, {"rounds": rounds, "runs": figures})


def _row(files: int, lines: int, ours: list[Cost], theirs: list[Cost]) -> list[str]:
    cpu = statistics.median(c.cpu for c in ours)
    ratio = statistics.median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True)) if theirs else None
    return [
        str(files),
        f"{lines:,}",
        f"{statistics.median(c.wall for c in ours):.2f}",
        f"{cpu:.2f}",
        f"{1000 * cpu / lines:.3f}",
        f"{max(c.memory for c in ours):.0f}",
        f"{statistics.median(c.cpu for c in theirs):.2f}" if theirs else "-",
        f"{ratio:.2f}" if ratio is not None else "-",
    ]


if __name__ == "__main__":
    main()
