"""Swagger UI and ReDoc from this machine, under a strict policy, for whom the operator says.

OWASP API Security Top 10:2023 API9; ASVS 5.0 3.6.1, 13.4.5.
"""

from fastness.controls.docs.install import Docs
from fastness.controls.docs.settings import DocSettings

__all__ = ["DocSettings", "Docs"]
