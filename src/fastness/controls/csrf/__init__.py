"""Requests that a browser's cookie authenticates must come from our own pages.

First the source (Sec-Fetch-Site, else Origin, else Referer over https), then a token bound to the session. A request that
opens a session must prove its source too, or a stranger signs the visitor in as himself. OWASP CSRF Prevention cheat
sheet; ASVS 5.0 3.5.1 to 3.5.3. Requests that no cookie authenticated are not touched.
"""

from fastness.controls.csrf.element import BadCsrfToken, CrossSiteRequest, Csrf
from fastness.controls.csrf.settings import CsrfSettings
from fastness.controls.csrf.token import CsrfToken, csrf_token

__all__ = ["BadCsrfToken", "CrossSiteRequest", "Csrf", "CsrfSettings", "CsrfToken", "csrf_token"]
