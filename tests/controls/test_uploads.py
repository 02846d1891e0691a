"""Uploads through the front door: what a form may be, and what is left on the disk afterwards."""

import json
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import MagicMock

import pytest
from fastapi import APIRouter, Depends, FastAPI, Form
from fastapi.staticfiles import StaticFiles
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from fastness import public, secure
from fastness.chain import Settings
from fastness.controls.uploads import Uploaded, upload, uploads
from fastness.core.errors import UnsafeConfiguration
from sample_files import BOUNDARY, GOOD, docx, file_part, form, gif, jpeg, part, png, webp

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

pytestmark = pytest.mark.anyio


def application(folder: Path, keep: Path, *, secured: bool, **options: Any) -> FastAPI:
    app = FastAPI()
    options = {"types": ["png", "jpeg", "text"], "max_bytes": "64 KiB", **options}

    @app.post("/one")
    @public("a test")
    async def one(file: Annotated[Uploaded, Depends(upload(folder=folder, **options))]) -> dict[str, Any]:
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert file.path.stat().st_size == file.size == len(b"".join([x async for x in file.chunks()]))
        return {"name": file.name, "type": file.type, "size": file.size, "ext": file.extension, "fields": file.fields}

    @app.post("/keep")
    @public("a test")
    async def kept(file: Annotated[Uploaded, Depends(upload(folder=folder, **options))]) -> str:
        return str(await file.keep(keep))

    @app.post("/crash")
    @public("a test")
    async def crash(file: Annotated[Uploaded, Depends(upload(folder=folder, **options))]) -> None:
        raise RuntimeError(file.name)

    @app.post("/many")
    @public("a test")
    async def many(
        files: Annotated[list[Uploaded], Depends(uploads("file", max_files=3, folder=folder, **options))],
    ) -> list[int]:
        return [file.size for file in files]

    if secured:
        secure(app, Settings(environment="development"), limits=False)
    return app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "arriving"
    made.mkdir()
    return made


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    made = tmp_path / "kept"
    made.mkdir()
    return made


@pytest.fixture(params=[True, False], ids=["secured", "alone"])
def secured(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def client(folder: Path, keep: Path, secured: bool) -> AsyncIterator[AsyncClient]:  # noqa: FBT001
    app = application(folder, keep, secured=secured, fields=["title"])
    async with AsyncClient(
        transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://testserver"
    ) as made:
        yield made


async def sent(client: AsyncClient, body: bytes, *, path: str = "/one", content_type: str = MULTIPART) -> Response:
    return await client.post(path, content=body, headers={"content-type": content_type})


def left(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def code(answer: Response) -> str:
    told = answer.json()
    errors = told.get("detail")
    return str(told["code"] if "code" in told else errors["code"])


async def test_a_good_file_is_described_by_its_content_and_gone_afterwards(client: AsyncClient, folder: Path) -> None:
    answer = await sent(client, form(part('form-data; name="title"', "Tíger".encode()), file_part("a b.PNG", png())))

    assert answer.json() == {
        "name": "a b.PNG",
        "type": "image/png",
        "size": len(png()),
        "ext": ".png",
        "fields": {"title": "Tíger"},
    }
    assert not left(folder)


async def test_a_kept_file_has_a_random_name_its_own_extension_and_one_reader(
    client: AsyncClient, folder: Path, keep: Path
) -> None:
    paths = [Path((await sent(client, form(file_part("x.jpeg", jpeg())), path="/keep")).json()) for _ in range(2)]

    assert left(keep) == sorted(paths)
    assert len({path.stem for path in paths}) == 2
    assert all(path.suffix == ".jpg" and len(path.stem) == 32 for path in paths)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() == jpeg() for path in paths)
    assert not left(folder)


async def test_a_handler_that_crashes_leaves_nothing(client: AsyncClient, folder: Path) -> None:
    answer = await sent(client, form(file_part("a.png", png())), path="/crash")

    assert answer.status_code == 500
    assert not left(folder)


async def test_several_files_are_taken_up_to_their_number(client: AsyncClient, folder: Path) -> None:
    three = [file_part(f"{n}.png", png()) for n in range(3)]

    assert (await sent(client, form(*three), path="/many")).json() == [len(png())] * 3
    refused = await sent(client, form(*three, file_part("4.png", png())), path="/many")
    assert (refused.status_code, code(refused)) == (413, "too_many_files")
    assert not left(folder)


BAD_FORMS: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 422, "bad_form"),
    "no part": (form(), 422, "file_missing"),
    "no file chosen": (form(part('form-data; name="file"; filename=""', b"", "application/octet-stream")), 422, "file_missing"),
    "text for a file": (form(part('form-data; name="file"', b"hello")), 422, "file_missing"),
    "another field": (form(file_part("a.png", png(), field="avatar")), 422, "unknown_field"),
    "another text": (form(part('form-data; name="admin"', b"1"), file_part("a.png", png())), 422, "unknown_field"),
    "text twice": (form(*[part('form-data; name="title"', b"1")] * 2), 422, "unknown_field"),
    "file twice": (form(*[file_part("a.png", png())] * 2), 413, "too_many_files"),
    "too large": (form(file_part("a.txt", b"a" * 65_537)), 413, "file_too_large"),
    "long text": (form(part('form-data; name="title"', b"1" * 65_537)), 413, "form_too_large"),
    "cut in the content": (form(file_part("a.png", png()))[:-60], 422, "bad_form"),
    "cut in the boundary": (form(file_part("a.png", png()))[:-5], 422, "bad_form"),
    "cut in a header": (form(file_part("a.png", png()))[:50], 422, "bad_form"),
    "another boundary": (form(file_part("a.png", png()), boundary="x"), 422, "bad_form"),
    "bare line feeds": (form(file_part("a.png", png())).replace(b"\r\n", b"\n"), 422, "bad_form"),
    "no name": (form(part('form-data; filename="a.png"', png())), 422, "bad_form"),
    "no disposition": (form(b"X: y\r\n\r\n" + png()), 422, "bad_form"),
    "attachment": (form(part('attachment; name="file"; filename="a.png"', png())), 422, "bad_form"),
    "rfc 5987": (form(part("form-data; name=\"file\"; filename*=UTF-8''a.png", png())), 422, "bad_form"),
    "two names": (
        form(part("form-data; name=\"file\"; filename=\"a.png\"; filename*=UTF-8''b.php", png())), 422, "bad_form",
    ),
    "name twice": (form(part('form-data; name="file"; filename="a.png"; filename="b.php"', png())), 422, "bad_form"),
    "field twice": (form(part('form-data; name="x"; name="file"; filename="a.png"', png())), 422, "bad_form"),
    "disposition twice": (
        form(b'Content-Disposition: form-data; name="x"\r\n' + file_part("a.png", png())), 422, "bad_form",
    ),
    "base64": (form(b"Content-Transfer-Encoding: base64\r\n" + file_part("a.png", png())), 422, "bad_form"),
    "bad utf-8": (form(part(b'form-data; name="file"; filename="\xff.png"', png())), 422, "bad_form"),
    "many headers": (form(b"".join(b"X-%d: y\r\n" % n for n in range(9)) + file_part("a.png", png())), 422, "bad_form"),
    "a long header": (form(b"X: " + b"y" * 5000 + b"\r\n" + file_part("a.png", png())), 422, "bad_form"),
    "html called png": (form(file_part("a.png", b"<html><script>alert(1)</script>")), 415, "file_type_refused"),
    "php called png": (form(file_part("a.png", b"<?php system($_GET[0]);")), 415, "file_type_refused"),
    "svg": (form(file_part("a.svg", b"<svg onload=alert(1)>")), 415, "file_type_refused"),
    "html as text": (form(file_part("a.txt", b"  <!doctype html><script>", "text/plain")), 415, "file_type_refused"),
    "elf": (form(file_part("a.png", b"\x7fELF\x02\x01\x01")), 415, "file_type_refused"),
    "gif is not asked for": (form(file_part("a.gif", gif())), 415, "file_type_refused"),
    "png called jpg": (form(file_part("a.jpg", png())), 422, "file_type_mismatch"),
    "png called php": (form(file_part("a.php", png())), 422, "file_type_mismatch"),
    "png said jpeg": (form(file_part("a.png", png(), "image/jpeg")), 422, "file_type_mismatch"),
    "png said html": (form(file_part("a.png", png(), "text/html")), 422, "file_type_mismatch"),
    "nonsense said": (form(file_part("a.png", png(), "x")), 422, "bad_form"),
    "empty png": (form(file_part("a.png", b"")), 422, "file_type_mismatch"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD_FORMS))
async def test_a_form_that_is_not_as_it_should_be_is_refused_with_its_code(
    client: AsyncClient, folder: Path, name: str
) -> None:
    body, status, wanted = BAD_FORMS[name]

    answer = await sent(client, body)

    assert (answer.status_code, code(answer)) == (status, wanted)
    assert "php" not in answer.text
    assert not left(folder)


@pytest.mark.parametrize(
    "content_type",
    [
        "", "application/json", "image/png", "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "a" * 71, 'multipart/form-data; boundary="a\\"b"',
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; charset=x; boundary=a", "multipart/form-data;boundary=é",
        'multipart/form-data; boundary="a b "', "application/x-www-form-urlencoded",
    ],
)  # fmt: skip
async def test_a_body_that_is_no_form_with_files_is_415(client: AsyncClient, content_type: str) -> None:
    answer = await client.post(
        "/one", content=form(file_part("a.png", png())), headers={b"content-type": content_type.encode("latin-1")}
    )

    assert (answer.status_code, code(answer)) == (415, "not_multipart")


@pytest.mark.parametrize("boundary", ["x", "a" * 70, "'()+_,-./:=?", "a b", "-", "--"])
async def test_every_boundary_that_is_allowed_works(client: AsyncClient, boundary: str) -> None:
    body = form(file_part("a.png", png()), boundary=boundary)

    answer = await sent(client, body, content_type=f'multipart/form-data; boundary="{boundary}"')

    assert answer.json()["size"] == len(png())


async def test_no_published_traversal_is_a_file_name(client: AsyncClient, folder: Path) -> None:
    lines = (ATTACKS / "path_traversal.txt").read_text("utf-8").split("\n")[::12]
    naughty = [case["s"] for case in json.loads((ATTACKS / "naughty_strings.json").read_text("utf-8"))]
    for line in [*lines, *naughty, "a.png\x00.php", "..\\..\\a.png", "C:\\fakepath\\a.png", ".htaccess", "con.png"]:
        raw = line.encode("utf-8", "surrogatepass").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
        raw = raw.replace(b'"', b"%22")
        if not raw:
            continue

        answer = await sent(client, form(part(b'form-data; name="file"; filename="' + raw + b'"', b"hello")))

        assert answer.status_code in {200, 422}
        if answer.status_code == 200:
            kept = answer.json()["name"]
            assert Path(kept).name == kept
            assert not kept.startswith(".")
        assert not left(folder)


async def test_a_bad_name_is_told_what_would_be_a_good_one(client: AsyncClient, secured: bool) -> None:  # noqa: FBT001
    answer = await sent(client, form(file_part("../a.png", png())))

    told = answer.json() if secured else answer.json()["detail"]
    assert told["code"] == "bad_file_name"
    assert told["errors"] == [
        {"loc": ["body", "file"], "msg": "Give a file name without its folder: no slashes or backslashes"}
    ]


async def test_a_form_may_arrive_in_any_pieces(folder: Path, keep: Path) -> None:
    app = application(folder, keep, secured=True)
    body = form(file_part("a.png", png(data=b"\r\n--" * 400 + BOUNDARY[:-1].encode() * 20)))
    for size in (1, 2, 3, 7, 64, 1000):

        async def pieces(size: int = size) -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
            answer = await client.post("/one", content=pieces(), headers={"content-type": MULTIPART})

        assert answer.json()["type"] == "image/png"


@pytest.mark.parametrize("kind", list(GOOD))
async def test_every_type_is_taken_where_it_is_asked_for_and_nowhere_else(folder: Path, keep: Path, kind: str) -> None:
    name, declared, content = GOOD[kind]
    others = [other for other in GOOD if other != kind]
    app, foreign = (
        application(folder, keep, secured=False, types=types) for types in ([kind], others)
    )  # fmt: skip

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        told = await sent(client, form(file_part(name, content, declared)))
        untold = await sent(client, form(file_part("", content + b"", "application/octet-stream")))
        wrong = await sent(client, form(file_part("a.exe", content, declared)))
    async with AsyncClient(transport=ASGITransport(foreign), base_url="http://testserver") as client:
        refused = await sent(client, form(file_part(name, content, declared)))

    assert (told.status_code, told.json()["type"]) == (200, declared)
    assert untold.status_code == 200
    assert (wrong.status_code, code(wrong)) == (422, "file_type_mismatch")
    assert refused.status_code in {415, 422}


@pytest.mark.parametrize("picture", [png, gif, jpeg, webp])
async def test_a_picture_with_too_many_pixels_is_refused_by_its_header(
    folder: Path, keep: Path, picture: Callable[[int, int], bytes]
) -> None:
    app = application(folder, keep, secured=False, types=["png", "gif", "jpeg", "webp"], max_pixels=1_000_000)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        small = await sent(client, form(file_part("", picture(1000, 1000))))
        large = await sent(client, form(file_part("", picture(1001, 1000))))

    assert small.status_code == 200
    assert (large.status_code, code(large)) == (413, "image_too_large")


async def test_a_folder_that_is_served_is_refused(tmp_path: Path, folder: Path) -> None:
    static = tmp_path / "static"
    (static / "files").mkdir(parents=True)
    app = application(folder, static / "files", secured=False)
    app.mount("/static", StaticFiles(directory=static))
    inside = application(static / "files", folder, secured=False)
    inside.mount("/static", StaticFiles(directory=static))

    for wrong, path in ((app, "/keep"), (inside, "/one")):
        async with AsyncClient(transport=ASGITransport(wrong), base_url="http://testserver") as client:
            with pytest.raises(UnsafeConfiguration, match="static files"):
                await sent(client, form(file_part("a.png", png())), path=path)
    assert not left(static / "files")
    assert not left(folder)


def routed(app: FastAPI, files: StaticFiles) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter()
    inner.mount("/static", files)
    outer.include_router(inner)
    app.include_router(outer, prefix="/outer")


def hiding(app: ASGIApp) -> ASGIApp:
    async def hidden(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return hidden


WAYS: dict[str, Callable[[FastAPI, StaticFiles], object]] = {
    "included router": routed,
    "middleware of the mount": lambda app, files: app.routes.append(
        Mount("/static", files, middleware=[Middleware(GZipMiddleware)])
    ),
    "middleware that hides it": lambda app, files: app.routes.append(
        Mount("/static", files, middleware=[Middleware(hiding)])
    ),
    "wrapped": lambda app, files: app.mount("/static", GZipMiddleware(GZipMiddleware(files))),
    "mounted application": lambda app, files: app.mount(
        "/a", Starlette(routes=[Mount("/b", routes=[Mount("/c", files)])])
    ),
    "host": lambda app, files: app.host("static.example", files),
    "default": lambda app, files: setattr(app.router, "default", files),
    "proxy": lambda app, files: app.mount("/a", MagicMock(app=files)),
}


@pytest.mark.parametrize("way", list(WAYS))
async def test_a_served_folder_is_found_wherever_it_is_mounted(
    tmp_path: Path, folder: Path, keep: Path, way: str
) -> None:
    app = application(folder, keep, secured=False)
    WAYS[way](app, StaticFiles(directory=tmp_path))

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        with pytest.raises(UnsafeConfiguration, match="static files"):
            await sent(client, form(file_part("a.png", png())), path="/keep")


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="FastAPI before 0.150")
@pytest.mark.parametrize("included", [True, False])
async def test_the_folder_of_a_frontend_is_a_served_one(
    tmp_path: Path, folder: Path, keep: Path, *, included: bool
) -> None:
    app, router = application(folder, keep, secured=False), APIRouter()
    app.include_router(router)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        before = await sent(client, form(file_part("a.png", png())), path="/keep")
        (router if included else app).frontend("/f", directory=tmp_path)

        assert before.status_code == 200
        with pytest.raises(UnsafeConfiguration, match="static files"):
            await sent(client, form(file_part("a.png", png())), path="/keep")


async def test_a_form_that_was_read_before_is_said_to_be() -> None:
    app = FastAPI()

    @app.post("/")
    async def both(
        title: Annotated[str, Form()], file: Annotated[Uploaded, Depends(upload(types=["png"], max_bytes=100))]
    ) -> str:
        return title + file.name

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        with pytest.raises(UnsafeConfiguration, match="before the upload could look"):
            await sent(client, form(part('form-data; name="title"', b"x"), file_part("a.png", png())), path="/")


async def test_its_own_cap_replaces_the_default_of_the_chain(folder: Path, keep: Path) -> None:
    app = application(folder, keep, secured=True, max_bytes="3 MiB")

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        large = await sent(client, form(file_part("a.txt", b"a" * 3 * 2**20)))
        larger = await sent(client, form(file_part("a.txt", b"a" * 4 * 2**20)))

    assert large.json()["size"] == 3 * 2**20
    assert (larger.status_code, code(larger)) == (413, "body_too_large")


async def test_a_full_disk_is_503(folder: Path, keep: Path) -> None:
    app = application(folder / "gone", keep, secured=True)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        answer = await sent(client, form(file_part("a.png", png())))

    assert (answer.status_code, code(answer)) == (503, "unavailable")


async def test_the_document_may_describe_the_form() -> None:
    picture = upload("avatar", types=["png", "jpeg"], max_bytes="1 MiB", fields=["title"])

    content = picture.openapi()["requestBody"]["content"]["multipart/form-data"]

    assert content["schema"]["required"] == ["avatar"]
    assert content["schema"]["properties"] == {
        "avatar": {"type": "string", "format": "binary"},
        "title": {"type": "string"},
    }
    assert content["encoding"] == {"avatar": {"contentType": "image/png, image/jpeg"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": []},
        {"types": ["exe"]},
        {"types": "png"},
        {"types": ["svg"]},
        {"max_bytes": 0},
        {"max_bytes": "big"},
        {"max_pixels": 0},
        {"field": ""},
        {"fields": ["file"]},
        {"fields": "title"},
    ],
)
async def test_an_upload_that_nothing_could_satisfy_is_refused_at_definition(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"upload needs|not a size"):
        upload(**{"types": ["png"], "max_bytes": 10, **wrong})


async def test_macros_are_refused_in_documents(folder: Path, keep: Path) -> None:
    app = application(folder, keep, secured=True, types=["docx"])

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        good = await sent(client, form(file_part("a.docx", docx())))
        macros = await sent(client, form(file_part("a.docx", docx(**{"word/vbaProject.bin": b"x"}))))

    assert good.status_code == 200
    assert (macros.status_code, code(macros)) == (422, "archive_unsafe")


async def test_the_document_of_a_secured_application_has_the_form(folder: Path, keep: Path) -> None:
    app = application(folder, keep, secured=True)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        operation = (await client.get("/openapi.json")).json()["paths"]["/one"]["post"]

    assert operation["requestBody"]["content"]["multipart/form-data"]["schema"]["required"] == ["file"]
    assert {"413", "415", "422"} <= operation["responses"].keys()
