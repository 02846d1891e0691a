"""Where a defence was removed, the tests must really run against the copy without it."""

from __future__ import annotations

import os

from proof.advisories.advisory import ROOT

copy = os.environ.get("PROOF_COPY")
if copy is not None and str(ROOT) != copy:
    raise RuntimeError(f"the tests would run against {ROOT}, not against the copy {copy}")
