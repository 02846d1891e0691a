"""Rate limits: declared beside the route, counted before its body is read.

ASVS 5.0 2.4.1, 6.3.1; API Security Top 10:2023 API4, API6.
"""

from fastness.controls.limits.declaration import Limit, limit
from fastness.controls.limits.elements import AddressLimits, UserLimits
from fastness.controls.limits.fallback import FallbackStore, Strict
from fastness.controls.limits.settings import LimitSettings

__all__ = ["AddressLimits", "FallbackStore", "Limit", "LimitSettings", "Strict", "UserLimits", "limit"]
