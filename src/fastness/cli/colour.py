"""Whether a terminal wants colours: NO_COLOR and FORCE_COLOR as everybody reads them, and `--color`."""

from __future__ import annotations

import os
import sys


def wanted(choice: str) -> bool:
    """For `auto`: a terminal that does not say no. https://no-color.org: any value but an empty one counts."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
