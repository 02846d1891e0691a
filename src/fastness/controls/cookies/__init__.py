"""Browser sessions in a cookie that no script reads, no other host writes and no plain connection carries.

The name begins with `__Host-`, so browsers take it only with Secure, Path=/ and without Domain (RFC 6265bis section
4.1.3.2). The value is a token from elsewhere: an opaque session id or a signed access token. A request with two of them,
or with a cookie and another credential of somebody else, is refused. ASVS 5.0 3.3.1 to 3.3.5.
"""

from fastness.controls.cookies.authenticator import CookieSession, CookieVerify
from fastness.controls.cookies.cookie import RepeatedSessionCookie, SessionCookie, value_of
from fastness.controls.cookies.settings import CookieSettings

__all__ = ["CookieSession", "CookieSettings", "CookieVerify", "RepeatedSessionCookie", "SessionCookie", "value_of"]
