"""Files that are two things at once, break off, go on, or unpack to more than they say."""

import struct
import tempfile
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from httpx2 import ASGITransport, AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastness.controls.uploads import ArchiveLimits, Uploaded, archives, download, upload
from fastness.controls.uploads.archives import check_archive
from fastness.controls.uploads.formats import anything, images
from fastness.controls.uploads.formats import mp4 as mp4_format
from fastness.controls.uploads.kinds import KINDS, content_of
from fastness.controls.uploads.walk import Walk
from fastness.core.errors import Refused
from sample_files import BOUNDARY, GOOD, docx, file_part, form, gif, jpeg, mp3, mp4, pdf, png, webp, zipped

SCRIPT = b"<script>alert(document.domain)</script>"
PHP = b"<?php system($_GET['c']); ?>"
JAR = zipped({"META-INF/MANIFEST.MF": b"Main-Class: A\n", "A.class": b"\xca\xfe\xba\xbe"})


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    limits = ArchiveLimits(entries=50, unpacked=4 * 2**20, ratio=50)

    @app.post("/")
    async def take(
        file: Annotated[
            Uploaded, Depends(upload(types=list(KINDS)[:15], max_bytes="8 MiB", archives=limits, folder=tmp_path))
        ],
    ) -> str:
        return file.type

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as made:
        yield made
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240


async def verdict(client: AsyncClient, content: bytes, name: str = "") -> str:
    answer = await client.post(
        "/",
        content=form(file_part(name, content)),
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    assert answer.status_code in {200, 413, 415, 422}, answer.text
    return str(answer.json() if answer.status_code == 200 else answer.json()["detail"]["code"])


def bitten_png(length: int) -> bytes:
    return png()[:8] + struct.pack(">I", length) + b"IHDR" + b"\0" * 50


def shifted(archive: bytes, offset: int, longer: int) -> bytes:
    """Its directory is said to be that much further in the file, and longer than it is."""
    length, begin = struct.unpack("<2L", archive[-10:-2])
    return archive[:-10] + struct.pack("<2L", length + longer, begin + offset) + archive[-2:]


POLYGLOTS = {
    "png and html": png() + SCRIPT,
    "png and zip": png() + JAR,
    "gif and zip": gif() + JAR,
    "gif and php": b"GIF89a;" + PHP,
    "gif and javascript": b"GIF89a/*" + b"\0" * 10 + b"*/=1;alert(1)//",
    "gif header alone": b"GIF89a" + PHP,
    "jpeg and zip": jpeg() + JAR,
    "jpeg and php": b"\xff\xd8\xff\xe0" + PHP,
    "jpeg header alone": b"\xff\xd8\xff\xd9",
    "webp and html": webp() + SCRIPT,
    "webp that says less": webp()[:4] + struct.pack("<I", 12) + webp()[8:],
    "webp that says more": webp()[:4] + struct.pack("<I", 2**31) + webp()[8:],
    "pdf and zip": pdf() + JAR,
    "pdf without an end": pdf()[:-8],
    "mp4 and zip": mp4() + JAR,
    "mp4 and html": mp4() + SCRIPT,
    "mp4 with a short box": mp4() + struct.pack(">I4s", 4, b"free"),
    "mp4 of a huge box": mp4() + struct.pack(">I4sQ", 1, b"mdat", 2**63),
    "png chunk too long": bitten_png(2**31),
    "png header of another length": bitten_png(14),
    "png without header": png()[:8] + png()[33:],
    "png of no size": png(0, 1),
    "zip behind a script": b"#!/bin/sh\nexit\n" + JAR,
    "zip and html": JAR + SCRIPT,
    "two zips": JAR + zipped({"b": b"b"}),
    "zip cut": JAR[:-10],
    "pdf, zip and an end": pdf() + JAR + b"\n%%EOF",
    "jpeg, zip and a byte": jpeg() + JAR + b"\n",
    "mp3 and zip with its own offsets": mp3() + JAR + b"\0" * 60_000,
    "mp3 and zip with offsets from the beginning": mp3() + shifted(JAR, len(mp3()), 7) + b"\n",
    "mp3 and zip64": mp3() + JAR[:-22] + b"PK\x06\x07" + b"\0" * 16 + JAR[-22:-10] + b"\xff" * 8 + b"\0\0\n",
    "text with NUL": b"hello\0world",
    "text with an escape": b"hello\x1b[2J",
    "text in latin-1": b"caf\xe9 au lait",
    "text that ends inside a character": "caf\u00e9".encode()[:-1],
    "text turning binary": b"a" * 5000 + b"\0",
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", list(POLYGLOTS))
async def test_a_file_is_one_format_from_its_first_byte_to_its_last(client: AsyncClient, name: str) -> None:
    assert await verdict(client, POLYGLOTS[name]) in {
        "file_damaged", "file_type_refused", "image_too_large",
    }  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["png", "gif", "webp", "zip", "docx", "mp4", "pdf"])
async def test_a_file_that_breaks_off_anywhere_is_refused(client: AsyncClient, kind: str) -> None:
    content = GOOD[kind][2]
    for length in range(9, len(content) - (2 if kind == "pdf" else 0)):
        if kind == "mp4" and length in {20, 21}:
            continue  # whole boxes
        assert await verdict(client, content[:length]) != GOOD[kind][1], length


@pytest.mark.anyio
async def test_four_bytes_by_chance_are_no_archive(client: AsyncClient) -> None:
    assert await verdict(client, mp3() + b"PK\x05\x06" + bytes(range(200, 256)) * 3 + b"PK\x05\x06") == "audio/mpeg"


@pytest.mark.anyio
async def test_what_cameras_append_to_a_jpeg_stays(client: AsyncClient) -> None:
    assert await verdict(client, jpeg() + b"MotionPhoto_Data" + mp4()) == "image/jpeg"


def entry(name: str, *, mode: int = 0, **what: Any) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.compress_type = zipfile.ZIP_DEFLATED
    for key, value in what.items():
        setattr(made, key, value)
    return made


def lying_zip() -> bytes:
    """Says that 10 bytes are inside, where there are three million."""
    data = zipped({"a": b"\0" * 3_000_000})
    return data.replace(struct.pack("<I", 3_000_000), struct.pack("<I", 10))


def overlapping_zip() -> bytes:
    """Two entries of the directory share one stream, as in Fifield's bomb."""
    data = zipped({"a": b"\0" * 1000, "b": b"\0" * 1000})
    start = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", start + 4)
    return data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]


ARCHIVES = {
    "a bomb": zipped({"a": b"\0" * 5_000_000}),
    "a bomb in pieces": zipped({str(n): b"\0" * 200_000 for n in range(30)}),
    "a ratio": zipped({"a": b"\0" * 3_000_000}),
    "a lie": lying_zip(),
    "an overlap": overlapping_zip(),
    "many entries": zipped({str(n): b"" for n in range(51)}),
    "a link": zipped([(entry("link", mode=0o120777), b"/etc/passwd")]),
    "a device": zipped([(entry("tty", mode=0o020666), b"")]),
    "a path up": zipped({"../evil": b"x"}),
    "a path up inside": zipped({"a/../../evil": b"x"}),
    "an absolute path": zipped({"/etc/cron.d/evil": b"x"}),
    "a drive": zipped({"C:evil": b"x"}),
    "a backslash": zipped({"a\\..\\evil": b"x"}),
    "a line feed": zipped({"a\nb": b"x"}),
    "one name twice": zipped([(entry("a"), b"1"), (entry("A"), b"2")]),
    "a zip inside": zipped({"inner.zip": JAR}),
    "a gzip inside": zipped({"inner": b"\x1f\x8b\x08" + b"\0" * 10}),
    "encrypted": zipped({"a": b"x"}).replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
    "lzma": zipped([(entry("a"), b"x")]).replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x08", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x0e"
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", list(ARCHIVES))
async def test_an_archive_that_is_dangerous_to_unpack_is_refused(client: AsyncClient, name: str) -> None:
    assert await verdict(client, ARCHIVES[name], "a.zip") in {"archive_unsafe", "file_damaged"}
    assert ARCHIVES[name][:4] == b"PK\x03\x04"


@pytest.mark.anyio
async def test_an_archive_within_its_limits_is_taken(client: AsyncClient) -> None:
    assert await verdict(client, zipped({f"folder/{n}.txt": bytes(range(256)) * 100 for n in range(50)}), "a.zip") == (
        "application/zip"
    )
    assert await verdict(client, zipped({"a": b"\0" * 1_000_000}), "a.zip") == "application/zip"


@pytest.mark.anyio
async def test_a_document_is_what_it_holds(client: AsyncClient) -> None:
    assert await verdict(client, docx(), "a.xlsx") == "file_type_mismatch"
    assert await verdict(client, zipped({"a": b"b"}), "a.docx") == "file_type_mismatch"
    assert await verdict(client, docx(**{"word/embeddings/a.xlsx": JAR}), "a.docx") == GOOD["docx"][1]


@pytest.mark.parametrize("name", ["a bomb", "a bomb in pieces", "an overlap", "many entries", "a link", "a path up"])
def test_what_the_directory_tells_is_refused_before_anything_is_inflated(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(ARCHIVES[name])
    monkeypatch.setattr(archives, "_inflate", lambda *_, **__: pytest.fail("inflated"))

    with pytest.raises(Refused):
        check_archive(path, "zip", ArchiveLimits(entries=50, unpacked=4 * 2**20, ratio=50_000))


def test_no_more_than_the_limit_is_ever_inflated(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(lying_zip())

    with pytest.raises(Refused):
        check_archive(path, "zip", ArchiveLimits())


@given(kind=st.sampled_from(sorted(GOOD)), place=st.integers(0, 400), noise=st.binary(max_size=12), cut=st.booleans())
@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_damaged_file_is_taken_or_refused_but_breaks_nothing(
    *, kind: str, place: int, noise: bytes, cut: bool
) -> None:
    content = GOOD[kind][2]
    place %= len(content)
    damaged = content[:place] + noise + (b"" if cut else content[place + len(noise) :])
    found = content_of(damaged[:1024])
    formats = images(10**6) | {"mp4": mp4_format}
    try:
        walk = Walk(formats.get(found or "", anything))
        for start in range(0, len(damaged), 7):
            walk.feed(damaged[start : start + 7])
        walk.close()
        if found == "zip":
            with tempfile.NamedTemporaryFile() as file:
                file.write(damaged)
                file.flush()
                check_archive(Path(file.name), "zip", ArchiveLimits(unpacked=10**6))
    except Refused:
        pass


def test_a_picture_of_endless_tiny_chunks_is_given_up() -> None:
    tiny = struct.pack(">I4sI", 0, b"teXt", zlib.crc32(b"teXt"))
    walk = Walk(images(10)["png"])
    walk.feed(png()[:33])

    with pytest.raises(Refused):
        walk.feed(tiny * 600_000)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Report 2026.pdf", "attachment; filename=\"Report 2026.pdf\"; filename*=UTF-8''Report%202026.pdf"),
        ("Zsófi.pdf", "attachment; filename=\"Zs_fi.pdf\"; filename*=UTF-8''Zs%C3%B3fi.pdf"),
        ("a\r\nSet-Cookie: b=c", "attachment; filename=\"download\"; filename*=UTF-8''download"),
        ('a".exe', "attachment; filename=\"download\"; filename*=UTF-8''download"),
        ("../../etc/passwd", "attachment; filename=\"download\"; filename*=UTF-8''download"),
    ],
)
async def test_a_download_is_saved_and_never_shown(tmp_path: Path, name: str, sent: str) -> None:
    (tmp_path / "stored").write_bytes(SCRIPT)
    app = FastAPI()
    app.add_api_route("/", lambda: download(tmp_path / "stored", name, media_type="text/html"))

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")

    assert answer.headers["content-disposition"] == sent
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.content == SCRIPT


def test_a_media_type_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="media_type"):
        download("x", "x", media_type="text/html\r\nX: y")
