"""Which address and scheme a request really has. One function decides, and nobody outside can talk it over.

Forwarded headers count only when the peer is inside `trusted_proxies`; then X-Forwarded-For is walked right to left to
the first address that is not a trusted proxy. Everything else (X-Real-IP, Forwarded, CF-Connecting-IP, ...) is ignored.
ASVS 5.0 4.1.3, 15.3.4; CVE-2026-3902 (header names with `_`).
"""

from fastness.controls.proxies.element import UNKNOWN, Proxies, ProxySettings
from fastness.core.address import client_key

__all__ = ["UNKNOWN", "Proxies", "ProxySettings", "client_key"]
