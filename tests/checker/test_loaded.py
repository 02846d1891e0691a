"""An application is loaded in its own interpreter under a guard: nothing of it, of us or of the caller is touched."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

import pytest

from fastness.checker.evidence.loaded import Loaded, NotLoaded, load
from fastness.checker.finding import Place

APP = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef home(): ...\n"
FORBIDDEN = {
    "a socket": "import socket; socket.create_connection(('127.0.0.1', 5432))",
    "a datagram": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
    "a Unix socket": "import socket; socket.socket(socket.AF_UNIX).connect('/tmp/x')",
    "a look-up": "import socket; socket.getaddrinfo('example.com', 80)",
    "a fork": "import os\nwhile True: os.fork()",
    "a program": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "another program in its place": "import os; os.execv('/bin/true', ['true'])",
    "a spawned program": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "a process": "import multiprocessing; multiprocessing.Process(target=print).start()",
    "a file elsewhere": "open('OUTSIDE/made', 'w')",
    "a low-level file elsewhere": "import os; os.open('OUTSIDE/made', os.O_CREAT | os.O_WRONLY)",
    "a folder elsewhere": "import os; os.mkdir('OUTSIDE/made')",
    "a file moved away": "import os; os.rename(__file__, 'OUTSIDE/made')",
    "a file taken in": "import os; os.rename('OUTSIDE/kept', 'mine')",
    "a link elsewhere": "import os; os.symlink('/etc/passwd', 'OUTSIDE/made')",
    "a file through a link": "import os; os.symlink('OUTSIDE', 'way'); open('way/made', 'w')",
    "a deleted file": "import os; os.remove('OUTSIDE/kept')",
    "a deleted folder": "import shutil; shutil.rmtree('OUTSIDE')",
    "a database elsewhere": "import sqlite3; sqlite3.connect('OUTSIDE/made.db')",
    "a signal": "import os; os.kill(os.getppid(), 15)",
    "the environment of the caller": "import os; open(f'/proc/{os.getppid()}/environ').read()",
}
# Everything is tried, whatever became of the one before.
ATTEMPTS = """
refused = []
for what, code in TRIED.items():
    try:
        exec(code, {"__file__": __file__})
    except PermissionError as error:
        if "refused while the application is checked" in str(error):
            refused.append(what)
app.title = ", ".join(refused)
"""


def project(folder: Path, code: str = "", *, before: str = "") -> Path:
    root = folder / "project"
    root.mkdir()
    (root / "main.py").write_text(f"{before}\n{APP}{code}\n")
    return root


def loaded(root: Path, target: str = "main:app", **more: float) -> Loaded | NotLoaded:
    return load(target, root=root, python=sys.executable, **more)  # type: ignore[arg-type]


def reason(found: Loaded | NotLoaded) -> str:
    if isinstance(found, Loaded):
        found.close()
        return f"it loaded, refusing {found.refused}"
    return found.reason


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def test_whatever_reaches_beyond_the_scratch_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    tried = {what: code.replace("OUTSIDE", str(outside)) for what, code in FORBIDDEN.items()}
    root = project(tmp_path, ATTEMPTS.replace("TRIED", repr(tried)))
    before = contents(tmp_path)

    found = loaded(root)

    assert isinstance(found, Loaded), found
    with found:
        assert found.description["apps"][0]["options"]["title"] == ", ".join(FORBIDDEN)
    assert contents(tmp_path) == before


def test_a_refusal_that_ends_the_import_is_the_reason_with_its_line(tmp_path: Path) -> None:
    found = loaded(project(tmp_path, "import socket\nsocket.create_connection(('127.0.0.1', 5432))"))

    assert isinstance(found, NotLoaded)
    assert "refused while the application is checked: look-up of 127.0.0.1" in found.reason
    assert found.place == Place("main.py", 7)


def test_code_that_goes_on_after_a_refusal_is_loaded_and_the_refusal_is_known(tmp_path: Path) -> None:
    root = project(tmp_path, "import socket\ntry: socket.create_connection(('127.0.0.1', 1))\nexcept OSError: pass")

    found = loaded(root)

    assert isinstance(found, Loaded), found
    found.close()
    assert found.refused


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit(7)", "ended the interpreter (exit code 7)"),
        ("import os; os._exit(5)", "ended the interpreter (exit code 5)"),
        ("import ctypes; ctypes.string_at(0)", "ended by signal"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(): f()\nf()", "RecursionError"),
        ("import nowhere", "No module named 'nowhere'"),
        ("def (:", "SyntaxError"),
        ("app = None", "not FastAPI"),
        ("import os\nfor n in range(3, 12):\n  try: os.write(n, b'nonsense\\n')\n  except OSError: pass", "pipe"),
    ],
)
def test_an_application_that_ends_or_breaks_is_not_loaded_and_says_why(code: str, words: str, tmp_path: Path) -> None:
    assert words in reason(loaded(project(tmp_path, code)))


def test_a_target_that_lies_elsewhere_is_told_where_it_is_looked_for(tmp_path: Path) -> None:
    said = reason(load("shop.app:app", root=project(tmp_path, ""), python=sys.executable))

    assert said.endswith("looked for in the folder that is checked: give the one in which shop lies")


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(1000)"])
def test_an_endless_import_is_ended(code: str, tmp_path: Path) -> None:
    assert "did not answer within 2 s" in reason(loaded(project(tmp_path, code), seconds=2))


def test_memory_is_bounded(tmp_path: Path) -> None:
    root = project(tmp_path, "import mmap; [mmap.mmap(-1, 10**9) for _ in range(50)]")

    assert "emory" in reason(loaded(root, megabytes=2048))


def test_what_it_prints_disturbs_nobody(tmp_path: Path) -> None:
    root = project(
        tmp_path, "import os, sys\nprint('{}')\nos.write(1, b'{}\\n')\nsys.stderr.write('x')\nsys.stdin.read()"
    )

    assert "it loaded" in reason(loaded(root))


def test_nothing_of_the_callers_environment_or_secrets_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATORS_SECRET", "hunter2")
    root = project(tmp_path, "import os; app.title = repr(dict(os.environ)) + str(os.path.exists('.env'))")
    (root / ".env").write_text("OPERATORS_SECRET=hunter2")

    found = loaded(root)

    assert isinstance(found, Loaded), found
    with found:
        title = found.description["apps"][0]["options"]["title"]
        assert "hunter2" not in title
        assert os.environ["HOME"] not in title
        assert title.endswith("False")


def test_the_application_may_write_into_its_copy_and_the_original_stays(tmp_path: Path) -> None:
    root = project(tmp_path, "import os; os.mkdir('uploads'); open(__file__, 'a').write('# changed'); open('x', 'w')")
    (root / "helper.py").write_text("X = 1")
    (root / "main.py").write_text("import helper\n" + (root / "main.py").read_text())
    before = contents(root)

    assert "it loaded" in reason(loaded(root))

    assert contents(root) == before


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    for code in ("", "raise ValueError"):
        folder = tmp_path / f"of {code}"
        folder.mkdir()
        reason(loaded(project(folder, code)))

    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_event_loop_works_while_it_is_imported(tmp_path: Path) -> None:
    assert "it loaded" in reason(loaded(project(tmp_path, "import asyncio; asyncio.run(asyncio.sleep(0))")))


def test_a_variable_that_it_asks_for_is_invented_and_named(tmp_path: Path) -> None:
    root = project(tmp_path, "", before="import os\nPORT = int(os.environ['PORT'])\nKEY = os.environ['SIGNING_KEY']")

    found = loaded(root)

    assert isinstance(found, Loaded), found
    found.close()
    assert {"PORT", "SIGNING_KEY"} <= set(found.invented)


@pytest.mark.parametrize("key", ["AAAA" * 10 + "AAA=", "A30A" * 10 + "AAA="], ids=["a key", "a key that has 30 in it"])
def test_a_made_up_value_that_the_application_complains_of_is_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda _size: base64.urlsafe_b64decode(key))
    mode = "mode = os.getenv('SHOP_MODE')\nif mode not in {None, 'on'}: raise ValueError(f'SHOP_MODE is {mode}')"
    root = project(tmp_path, before=f"import os\n{mode}\nif not os.getenv('SHOP_SIZE'): raise RuntimeError('no size')")

    found = loaded(root)

    assert isinstance(found, Loaded), found
    found.close()
    assert found.invented == ("SHOP_SIZE",)


def test_an_application_that_needs_nothing_made_up_is_tried_without(tmp_path: Path) -> None:
    address = (
        "at = os.getenv('SHOP_DATABASE_URL')\nif at and at[:4] != 'post': raise ValueError('what address is this')"
    )
    root = project(tmp_path, before=f"import os\n{address}")

    found = loaded(root)

    assert isinstance(found, Loaded), found
    found.close()
    assert found.invented == ()


def test_settings_of_pydantic_get_values_that_they_take(tmp_path: Path) -> None:
    settings = (
        "from pydantic import PostgresDsn\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"
        "from typing import Literal\n"
        "class S(BaseSettings):\n model_config = SettingsConfigDict(env_prefix='MY_')\n name: str\n minutes: int\n"
        " on: bool\n hosts: list[str]\n level: Literal['low', 'high']\n database: PostgresDsn\nS()\n"
    )

    found = loaded(project(tmp_path, before=settings))

    assert isinstance(found, Loaded), found
    found.close()
    assert {"MY_NAME", "MY_MINUTES", "MY_ON", "MY_HOSTS", "MY_LEVEL", "MY_DATABASE"} <= set(found.invented)


def test_a_factory_is_called_and_a_wrapped_application_is_found(tmp_path: Path) -> None:
    wrapped = (
        "class Wrap:\n def __init__(self, app): self.app = app\n async def __call__(self, *a): await self.app(*a)\n"
    )
    root = project(tmp_path, f"{wrapped}def create(): return Wrap(app)")

    found = loaded(root, "main:create")

    assert isinstance(found, Loaded), found
    with found:
        assert "/" in [route["path"] for route in found.description["routes"]]


def test_an_application_without_a_name_is_looked_for(tmp_path: Path) -> None:
    assert "it loaded" in reason(loaded(project(tmp_path, "service = app\ndel app"), "main"))


def test_an_interpreter_that_is_not_there_is_said(tmp_path: Path) -> None:
    found = load("main:app", root=project(tmp_path), python=str(tmp_path / "no-python"))

    assert "cannot be started" in reason(found)


def test_settings_that_are_read_with_the_first_request_are_set_before(tmp_path: Path) -> None:
    late = "from pydantic_settings import BaseSettings\nclass Late(BaseSettings):\n sender: str\n minutes: int\n"

    found = loaded(project(tmp_path, before=late))

    assert isinstance(found, Loaded), found
    found.close()
    assert {"SENDER", "MINUTES"} <= set(found.invented)
