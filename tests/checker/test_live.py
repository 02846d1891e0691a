"""Loading and attacking from end to end: the examples are clean, what cannot be tried is said, and budgets hold."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from pathlib import Path

import pytest

from checker.live_programs import attacked
from fastness.checker.checking import Request, check
from fastness.checker.engine import static
from fastness.checker.evidence.attacker import Attacker, Spent, WritesOff
from fastness.checker.evidence.identities import Identity
from fastness.checker.evidence.loaded import Loaded, load
from fastness.checker.evidence.merge import NoSources, application_of, merge
from fastness.checker.evidence.opening import attacker_of
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Persona
from fastness.checker.live import Live, live
from fastness.checker.rulebook import built_in
from fastness.checker.rules.configuration.missing_headers import MissingHeaders
from fastness.checker.settings import CheckSettings

pytestmark = pytest.mark.anyio
EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = list(built_in())


def of(folder: Path, *, probe: bool = True, targets: tuple[str, ...] = (), budget: int = 2_000) -> Live:
    return live(Project(folder), RULES, probe=probe, targets=targets, python=sys.executable, budget=budget)


@pytest.fixture(scope="module")
def examples() -> Live:
    return of(EXAMPLES, targets=("minimal.app:app", "guide.app:app", "full.app:app"))


def test_the_examples_are_clean_when_they_are_attacked(examples: Live) -> None:
    said = [*examples.findings, *static(Project(EXAMPLES), RULES, examples.applications)]

    maintainers = (f for f in said if f.persona is Persona.REGULAR and not f.place.path.startswith("vulnerable/"))
    findings = [f"{f.rule} {f.message}" for f in maintainers]

    assert findings == []
    assert examples.loading.done


def test_every_route_of_the_examples_is_seen_by_both_or_loaded(examples: Live) -> None:
    routes = [route for application in examples.applications if application.loaded for route in application.routes]

    assert len(routes) > 30
    assert [str(route) for route in routes if "loaded" not in route.seen] == []
    assert len([route for route in routes if len(route.seen) == 2]) >= 15


@pytest.mark.parametrize("name", ["guide", "full"])
async def test_two_accounts_sign_in_through_the_examples_own_routes(name: str) -> None:
    attacker = await _attacker(f"{name}.app:app", EXAMPLES)

    with attacker.loaded:
        assert len({who.email for who in attacker.identities}) == 2
        assert attacker.writes
        assert await attacker.closed()


def test_an_application_that_is_not_loaded_is_a_finding_with_the_reason_and_its_line(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\nraise OSError('no database')\napp = FastAPI()\n")

    found = of(tmp_path, targets=("main:app",))

    assert [(f.rule, f.place.path, f.place.line) for f in found.findings] == [("FN902", "main.py", 2)]
    assert "no database" in found.findings[0].message
    assert not found.loading.done


def test_an_application_without_a_route_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")

    assert [finding.rule for finding in of(tmp_path, probe=False, targets=("main:app",)).findings] == ["FN903"]


def test_routes_that_only_the_source_shows_are_named(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import os\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.get('/a')\ndef a(): ...\n"
        "if os.getenv('DEVELOPMENT'):\n    @app.get('/b')\n    def b(): ...\n"
    )

    found = of(tmp_path, probe=False)

    assert ["1 of 2 routes" in finding.message for finding in found.findings if finding.rule == "FN903"] == [True]
    assert [app.total for app in found.applications] == [2]


def test_what_another_module_mounts_is_one_route_at_its_whole_path_with_its_own_guard(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(
        "from fastapi import Depends, FastAPI, HTTPException\n"
        "from fastapi.security import APIKeyHeader\n"
        "def caller(key: str = Depends(APIKeyHeader(name='X-Key'))) -> str:\n"
        "    if key != 'k': raise HTTPException(401)\n"
        "    return key\n"
        "inner = FastAPI()\n"
        "@inner.get('/deep')\n"
        "def deep() -> int: return 1\n"
        "app = FastAPI(dependencies=[Depends(caller)])\n"
        "@app.get('/things')\n"
        "def things() -> int: return 1\n"
        "@app.post('/things')\n"
        "def add() -> int: return 1\n"
        "app.mount('/inner', inner)\n"
    )
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nfrom api import app as inside\n"
        "app = FastAPI()\napp.mount('/admin', inside)\napp.mount('/again', inside)\n"
        "@app.get('/health')\ndef health() -> int: return 1\n"
    )

    seen = of(tmp_path, probe=False, targets=("main:app",))

    routes = {str(route): route for application in seen.applications for route in application.routes}
    assert set(routes) == {
        "GET /health",
        *(f"{way} {at}/things" for at in ("/admin", "/again") for way in ("GET", "POST")),
        *(f"GET {at}/inner/deep" for at in ("/admin", "/again")),
    }
    assert {len(route.seen) for route in routes.values()} == {2}
    assert routes["POST /admin/things"].guarded()
    assert sum(application.total for application in seen.applications) == len(routes)
    assert [f.rule for f in seen.findings] == []


def test_a_route_whose_path_only_the_environment_knows_is_one_route(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import os\nfrom fastapi import FastAPI\nbase = os.environ.get('BASE', '/b').lower()\napp = FastAPI()\n"
        "@app.get(base + '/x')\ndef x() -> int: return 1\n"
        "def y() -> int: return 1\napp.add_api_route(base + '/y', y, methods=['POST'])\n"
    )

    seen = of(tmp_path, probe=False, targets=("main:app",))

    routes = [route for application in seen.applications for route in application.routes]
    assert [(str(route), len(route.seen)) for route in routes] == [("GET /b/x", 2), ("POST /b/y", 2)]


def test_the_application_that_was_loaded_holds_the_routes_of_what_it_mounts(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef x(): ...\n")
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nimport api\napp = FastAPI()\napp.mount('/admin', api.app)\n"
    )
    before = Project(tmp_path).applications

    loaded = load("main:app", root=tmp_path, python=sys.executable)
    assert isinstance(loaded, Loaded)
    with loaded:
        after = merge(before, loaded)

    assert [(a.name, [str(r) for r in a.routes]) for a in after if a.routes] == [("main:app", ["GET /admin/x"])]


def test_an_application_that_answers_only_errors_is_not_called_clean(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nasync def start(app):\n    raise OSError('no broker')\n    yield\n"
        "from contextlib import asynccontextmanager\napp = FastAPI(lifespan=asynccontextmanager(start))\n"
        "@app.get('/')\ndef home(): return app.state.broker\n"
    )

    found = of(tmp_path)

    assert ["no broker" in finding.message for finding in found.findings if finding.rule == "FN902"] == [True]


def test_a_package_in_a_folder_is_started_from_there(tmp_path: Path) -> None:
    package = tmp_path / "backend" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "routes.py").write_text("PREFIX = '/x'\n")
    (package / "main.py").write_text(
        "from fastapi import FastAPI\nfrom shop.routes import PREFIX\napp = FastAPI()\n@app.get(PREFIX)\ndef x(): ...\n"
    )

    found = of(tmp_path, probe=False)

    assert found.loading.done, found.loading
    assert [route.place.path for app in found.applications for route in app.routes] == ["backend/shop/main.py"]


def test_what_a_module_binds_is_served_not_the_function_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "from fastapi import FastAPI\ndef build(settings):\n    application = FastAPI()\n    return application\n"
    )
    (tmp_path / "main.py").write_text(
        "from setup import build\ndef start():\n    app = build({})\n"
        "    @app.get('/later')\n    def later(): ...\n    return app\nserved = start()\n"
    )

    found = of(tmp_path, probe=False)

    assert found.loading.text.startswith("main:served on FastAPI"), found.loading
    assert [str(route) for app in found.applications if app.loaded for route in app.routes] == ["GET /later"]


def test_the_application_gets_the_variables_of_the_settings_and_may_need_a_file_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import os\nfrom fastapi import FastAPI\nfrom starlette.config import Config\n"
        "config = Config(os.path.join(os.path.dirname(__file__), '.', '.env'))\n"
        "if os.environ.get('STORE') != 'memory': raise OSError('no database')\n"
        "if not os.path.exists('.env'): raise FileNotFoundError(\"Config file '.env' not found.\")\n"
        "app = FastAPI()\n@app.get('/')\ndef home(): ...\n"
    )
    settings = CheckSettings(environment={"STORE": "memory"})

    done = check(Request(tmp_path, ("main:app",), python=sys.executable, settings=settings)).outcome

    assert done.loading.done, done.loading
    assert not (tmp_path / ".env").exists()


def test_a_database_that_is_no_throw_away_one_keeps_attacks_to_safe_methods(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nfrom sqlalchemy.ext.asyncio import create_async_engine\n"
        "engine = create_async_engine('postgresql+asyncpg://a:b@127.0.0.1:1/c')\napp = FastAPI()\n"
        "@app.post('/a')\ndef a(): ...\n"
    )

    async def write() -> Attacker:
        attacker = await _attacker("main:app", tmp_path)
        with attacker.loaded, pytest.raises(WritesOff):
            await attacker.send("POST", "/a")
        return attacker

    assert "only safe methods are sent: its database is postgresql" in asyncio.run(write()).notes


def test_the_budget_is_kept(tmp_path: Path) -> None:
    source = "from fastapi import FastAPI\napp = FastAPI()\n" + "".join(
        f"@app.get('/{n}')\ndef a{n}(): ...\n" for n in range(30)
    )

    with pytest.raises(Spent):
        attacked(MissingHeaders, source, tmp_path, budget=10)


async def test_every_request_comes_from_an_address_of_its_own_unless_one_is_given(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI, Request\napp = FastAPI()\n"
        "@app.get('/')\ndef home(request: Request): return request.client.host\n"
    )

    attacker = await _attacker("main:app", tmp_path)
    with attacker.loaded:
        seen = [(await attacker.send("GET", "/")).value for _ in range(20)]
        fixed = [(await attacker.send("GET", "/", address="198.18.0.1")).value for _ in range(2)]

    assert len(set(seen)) == 20
    assert fixed == ["198.18.0.1", "198.18.0.1"]


async def test_an_answer_that_never_comes_is_cut(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import asyncio\nfrom fastapi import FastAPI\napp = FastAPI()\n"
        "@app.get('/slow')\nasync def slow(): await asyncio.sleep(1000)\n@app.get('/')\ndef home(): return 'here'\n"
    )

    attacker = await _attacker("main:app", tmp_path)
    with attacker.loaded:
        slow = await attacker.send("GET", "/slow", seconds=0.2)
        after = await attacker.send("GET", "/")

    assert (slow.status, after.value) == (0, "here")


def test_an_identity_shows_no_credentials_in_its_repr() -> None:
    who = Identity("a@b.c", "a", "hunter2", (("authorization", "Bearer hunter2"),), "hunter2", "hunter2")

    assert "hunter2" not in repr(who)
    assert who.carrying("other").headers == (("authorization", "Bearer other"),)


async def _attacker(target: str, root: Path) -> Attacker:
    loaded = load(target, root=root, python=sys.executable)
    assert isinstance(loaded, Loaded), loaded
    return await attacker_of(loaded, application_of(loaded, NoSources()))


@pytest.mark.parametrize(("gateway", "count"), [(frozenset[str](), 1), (frozenset({"headers"}), 0)])
async def test_what_a_gateway_does_is_not_asked_of_the_application(
    gateway: frozenset[str], count: int, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef home(): ...\n")
    loaded = load("main:app", root=tmp_path, python=sys.executable)
    assert isinstance(loaded, Loaded), loaded

    with loaded:
        attacker = await attacker_of(loaded, application_of(loaded, NoSources()), gateway=gateway)
        findings = [finding async for finding in MissingHeaders().attack(attacker)]

    assert len(findings) == count


def test_an_application_whose_startup_fails_is_never_clean(tmp_path: Path) -> None:
    program = """
    from contextlib import asynccontextmanager
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(app):
        raise RuntimeError("no broker")
        yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> int:
        return 1
    """
    (tmp_path / "main.py").write_text(textwrap.dedent(program))

    outcome = check(Request(tmp_path, ("main:app",), probe=True, python=sys.executable)).outcome

    assert [f.message for f in outcome.findings if f.rule == "FN902"] == [
        "main:app was attacked without being started: its startup failed: RuntimeError: no broker"
    ]
    assert outcome.exit_code == 3


def test_what_a_handler_asks_for_counts_where_only_the_loaded_application_shows_its_route(tmp_path: Path) -> None:
    (tmp_path / "roles.py").write_text(
        "from fastapi import Depends, HTTPException\nfrom fastapi.security import HTTPBearer\nsessions = {}\n"
        "class Role:\n    def __init__(self, role): self.role = role\n"
        "    def __call__(self, token=Depends(HTTPBearer())):\n        who = sessions.get(token.credentials)\n"
        "        if who is None: raise HTTPException(401)\n"
        "        if who.role != self.role: raise HTTPException(403)\n        return who\n"
    )
    (tmp_path / "admin.py").write_text(
        "from fastapi import Depends\nfrom roles import Role\npeople = {}\n"
        "def remove(name: str, by=Depends(Role('admin'))): people.pop(name)\n"
    )
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\nimport admin\napp = FastAPI()\nfor name in dir(admin):\n    if name.startswith('rem'):\n"
        "        app.add_api_route(f'/admin/{name}', getattr(admin, name), methods=['DELETE'])\n"
    )

    seen = of(tmp_path, probe=False, targets=("main:app",))

    (route,) = [route for a in seen.applications for route in a.routes if route.handler]
    assert (str(route), route.seen) == ("DELETE /admin/remove", frozenset({"loaded"}))
    assert route.guarded("role")
