"""A virtual environment for each stack we compare with, made once and kept in a folder of this user."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PINS = Path(__file__).parent / "peers"


def cache() -> Path:
    """The folder that holds the environments, readable by this user alone.

    Raises:
        SystemExit: somebody else owns it.
    """
    folder = Path(tempfile.gettempdir()) / f"fastness-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise SystemExit(f"{folder} belongs to somebody else")
    return folder


def python_of(peer: str) -> Path:
    """The interpreter with everything of `peers/<peer>.txt`, installed when it is not there yet.

    Raises:
        SystemExit: pip could not install it, with pip's own words.
    """
    pins = (PINS / f"{peer}.txt").read_bytes()
    digest = hashlib.sha256(pins + sys.version.encode()).hexdigest()[:12]
    home = cache() / f"{peer}-{digest}"
    python = home / "bin" / "python"
    done = home / "complete"
    if done.exists():
        return python
    print(f"making the environment of {peer} in {home}", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", f"{PINS / peer}.txt"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise SystemExit(f"{peer} cannot be installed:\n{told.stderr[-3000:]}")
    done.touch()
    return python
