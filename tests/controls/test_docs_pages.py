"""The documentation pages: for whom the operator says, from this host alone, under a policy that holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from pydantic import SecretStr

from fastness import CurrentUser, Settings, public, secure
from fastness.chain import Secured
from fastness.controls.docs import Docs, DocSettings
from fastness.controls.docs import install as installing
from fastness.controls.docs.assets import folder
from fastness.controls.hosts import HostSettings
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio

PAGES = ("/docs", "/redoc", "/docs/oauth2-redirect")
FILES = ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/redoc/redoc.standalone.js")
EVERY = (*PAGES, *FILES, "/openapi.json")
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"


def production(**docs: Any) -> Settings:
    hosts = HostSettings(allowed=("localhost",))
    public_url = "https://localhost"
    return Settings(hosts=hosts, public_url=public_url, secret=(SecretStr(SECRET),), docs=DocSettings(**docs))


def development(**docs: Any) -> Settings:
    return Settings(environment="development", docs=DocSettings(**docs))


def application(settings: Settings, app: FastAPI | None = None, **parts: Any) -> tuple[FastAPI, Secured]:
    app = app or FastAPI(title="Notes")
    secured = secure(app, settings, roles={"staff": []}, **parts)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    return app, secured


async def asked(app: Any, path: str, method: str = "GET", *, root_path: str = "", token: str = "") -> httpx2.Response:
    transport = httpx2.ASGITransport(app, root_path=root_path)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.request(method, path, headers=headers)


async def statuses(app: Any, **how: Any) -> set[int]:
    return {(await asked(app, path, **how)).status_code for path in EVERY}


async def test_everything_is_open_in_development_and_nothing_in_production_unless_it_is_said() -> None:
    assert await statuses(application(development())[0]) == {200}
    assert await statuses(application(production())[0]) == {404}
    assert await statuses(application(production(access="public"))[0]) == {200}
    assert await statuses(application(development(access="off"))[0]) == {404}
    assert await statuses(application(development(), docs=False)[0]) == {404}


async def test_with_access_required_the_document_and_every_file_ask_for_the_caller_and_the_role() -> None:
    app, secured = application(production(access="required", role="staff"))
    assert secured.tokens is not None
    staff, other = secured.tokens.issue("ada", roles=["staff"]), secured.tokens.issue("eve")

    assert await statuses(app) == {401}
    assert await statuses(app, token=other) == {403}
    assert await statuses(app, token=staff) == {200}
    anybody, its = application(production(access="required"))
    assert its.tokens is not None
    assert await statuses(anybody, token=its.tokens.issue("eve")) == {200}


async def test_a_page_asks_no_other_host_and_runs_no_script_without_its_nonce() -> None:
    app, _ = application(development())

    for path in PAGES:
        page = await asked(app, path)
        policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
        nonce = re.fullmatch(r"'nonce-([A-Za-z0-9+/]{22}==)'(?: 'strict-dynamic')?", policy["script-src"])
        assert nonce is not None
        assert re.findall(r"<script(?! nonce=\"" + re.escape(nonce[1]) + r"\")", page.text) == []
        assert re.findall(r"\bon\w+=|style=|https?://|//[a-z]", re.sub(r"//\.|<!--.*?-->", "", page.text)) == []
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert (await asked(app, path)).headers["content-security-policy"] != page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"


async def test_the_files_come_from_here_and_may_be_kept_until_they_change() -> None:
    app, _ = application(development())
    place = folder()
    assert place is not None
    linked = re.findall(r'(?:src|href)="([^"]+\?v=[0-9a-f]{16})"', (await asked(app, "/docs")).text)

    assert [name.partition("?")[0] for name in linked] == ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js"]
    for name in linked:
        file = await asked(app, f"/{name}")
        assert file.content == (place / name.partition("?")[0].rpartition("/")[2]).read_bytes()
        assert file.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert file.headers["content-type"].partition(";")[0] == ("text/css" if ".css" in name else "text/javascript")
    assert b"cdn.redoc.ly" not in (await asked(app, "/redoc/redoc.standalone.js")).content


@pytest.mark.parametrize(("docs_url", "root"), [("/docs", ""), ("/docs", "/api/v1"), ("/a/b/docs/", "/p"), ("/", "")])
async def test_addresses_in_a_page_lead_to_what_is_there_below_any_prefix(docs_url: str, root: str) -> None:
    app, _ = application(development(), FastAPI(docs_url=docs_url, openapi_url="/a/openapi.json"))
    page = await asked(app, root + docs_url, root_path=root)
    base = httpx2.URL(f"http://localhost{root}{docs_url}")

    linked = re.findall(r'(?:src|href)="([^":]+)"|"(?:document|redirect)": "([^"]+)"', page.text)
    paths = [base.join(one or two).path for one, two in linked]

    assert len(paths) == 5
    assert all(path.startswith(root) for path in paths)
    assert [(await asked(app, path, root_path=root)).status_code for path in paths] == [200] * 5
    document = (await asked(app, f"{root}/a/openapi.json", root_path=root)).json()
    assert document.get("servers", [{"url": ""}])[0]["url"] == root


async def test_what_the_application_says_cannot_break_out_of_the_page() -> None:
    evil = '</title></script><script>alert(1)</script>"><!--'
    app, _ = application(
        development(),
        FastAPI(title=evil, swagger_ui_parameters={"filter": evil}, swagger_ui_init_oauth={"clientId": evil}),
    )

    # FastAPI's own page is what this test would find wanting.
    own = get_swagger_ui_html(openapi_url="/openapi.json", title=evil)
    assert evil in bytes(own.body).decode()
    for path in PAGES:
        assert "alert(1)</script>" not in (await asked(app, path)).text
        assert "<!--" not in (await asked(app, path)).text


async def test_the_applications_own_parameters_reach_swagger_ui_and_nothing_asks_the_validator() -> None:
    app, _ = application(
        development(), FastAPI(swagger_ui_parameters={"docExpansion": "none", "validatorUrl": "https://evil.example"})
    )
    page = (await asked(app, "/docs")).text

    assert '"docExpansion": "none"' in page
    assert page.index("...given.parameters") < page.index("validatorUrl: null")


async def test_only_the_pages_that_the_application_has_are_served() -> None:
    app, _ = application(development(), FastAPI(docs_url=None, redoc_url="/read"))
    without, secured = application(development(), FastAPI(openapi_url=None))

    assert [(await asked(app, path)).status_code for path in ("/docs", "/docs/swagger-ui.css", "/read")] == [
        404,
        404,
        200,
    ]
    assert (await asked(app, "/read/redoc.standalone.js")).status_code == 200
    assert await statuses(without) == {404}
    assert "off: " in secured.report()
    assert "docs" in secured.report()


async def test_a_dependency_of_the_whole_application_does_not_close_public_pages() -> None:
    async def nobody(user: CurrentUser) -> None: ...

    app, secured = application(development(), FastAPI(dependencies=[Depends(nobody)]))

    assert [str(problem) for problem in secured.problems()] == []
    assert await statuses(app) == {200}


async def test_a_route_for_every_path_does_not_hide_the_pages() -> None:
    app = FastAPI()

    @app.get("/{path:path}")
    @public("a single-page application")
    async def everything(path: str) -> str:
        return "theirs"

    application(development(), app)

    assert [path for path in EVERY if "theirs" in (await asked(app, path)).text] == []


async def test_pages_of_a_mounted_application_stay_closed() -> None:
    outer, inner = FastAPI(), FastAPI()
    inner.add_api_route("/door", lambda: "open")
    outer.mount("/sub", inner)
    app, _ = application(development(), outer, public={"/sub": "everybody's"})

    assert (await asked(app, "/sub/door")).status_code == 200
    assert (await asked(app, "/sub/docs")).status_code == 404


async def test_head_is_answered_and_other_methods_are_not() -> None:
    app, _ = application(development())

    for path in EVERY:
        assert (await asked(app, path, "HEAD")).status_code == 200
        assert (await asked(app, path, "POST")).status_code == 405


async def test_without_the_extra_the_document_alone_is_served_and_the_report_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installing, "folder", lambda: None)
    app, secured = application(development())

    assert [(await asked(app, path)).status_code for path in EVERY] == [404] * 6 + [200]
    assert 'docs pages (Swagger UI needs the docs extra: pip install "fastness[docs]")' in secured.report()


def test_the_start_report_says_who_may_read() -> None:
    assert "docs (public)" in application(development())[1].report()
    assert "docs (required)" in application(production(access="required"))[1].report()
    report = application(production())[1].report()
    assert "docs" in report.partition("off: ")[2]
    assert "docs" not in report.partition("off: ")[0]


async def test_alone_it_replaces_the_pages_of_fastapi() -> None:
    app = FastAPI()
    Docs(DocSettings(access="public")).install(app)

    assert await statuses(app) == {200}
    assert "cdn.jsdelivr.net" not in (await asked(app, "/docs")).text
    with pytest.raises(ValueError, match="no dependency"):
        Docs(DocSettings(access="required")).install(FastAPI())


def test_folder_is_none_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert folder() is not None

    monkeypatch.setattr("fastness.controls.docs.assets._PACKAGE", "no_such_package_at_all")
    assert folder() is None


@pytest.mark.parametrize(
    "settings",
    [{"role": "staff"}, {"connect": ("login.example.com",)}, {"connect": ("https://a.example; script-src *",)},
     {"connect": ("https://a.example/path",)}, {"connect": ("*",)}],
)  # fmt: skip
def test_settings_that_say_nothing_or_too_much_stop_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(UnsafeConfiguration):
        Docs(DocSettings(**settings))


def test_production_asks_for_tls_of_the_origins_that_a_page_may_call() -> None:
    settings = DocSettings(connect=("http://login.example.com",))

    assert settings.problems(production=False) == []
    assert len(settings.problems(production=True)) == 1


async def test_other_origins_may_be_called_when_they_are_named() -> None:
    app, _ = application(development(connect=("https://login.example.com",)))

    policy = (await asked(app, "/docs")).headers["content-security-policy"]
    assert "connect-src 'self' https://login.example.com;" in policy
    assert "login.example.com" not in (await asked(app, "/docs/oauth2-redirect")).headers["content-security-policy"]
