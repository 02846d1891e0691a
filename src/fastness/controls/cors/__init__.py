"""Which other origins may read this service's answers from a browser.

Exact origins, or patterns that cannot match a stranger's domain. A preflight is answered here; a stranger's preflight
gets 403. Errors carry the CORS headers too, because the whole chain's answers pass here. CORS protects readers, not
writers: it is no CSRF defence. Fetch standard, section 3.2; ASVS 5.0 3.4.2, 4.4.2.
"""

from fastness.controls.cors.element import Cors, ForeignOrigin
from fastness.controls.cors.settings import CorsSettings

__all__ = ["Cors", "CorsSettings", "ForeignOrigin"]
