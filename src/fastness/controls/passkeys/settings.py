"""Which site passkeys belong to, which pages may use them, and what is asked of an authenticator."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration

Algorithm = Literal["ES256", "EdDSA", "RS256"]

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_LOCAL = "localhost"
_PORTS = {"http": ":80", "https": ":443"}


class PasskeySettings(BaseModel, frozen=True):
    """FASTNESS_PASSKEYS__*"""

    rp_id: str = Field(
        default="",
        description="The domain that passkeys belong to, as in example.com. Unset: the host of FASTNESS_PUBLIC_URL. With another "
        "one every passkey of before is useless.",
    )
    rp_name: str = Field(
        default="", max_length=64, description="What browsers call the service. Unset: what mails call it."
    )
    origins: tuple[str, ...] = Field(
        default=(),
        description="Pages that may use passkeys, as in https://app.example.com. Unset: FASTNESS_PUBLIC_URL alone.",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("ES256", "EdDSA", "RS256"),
        min_length=1,
        description="Signatures that are accepted, the preferred one first. RS256 is for Windows Hello on older machines.",
    )
    user_verification: Literal["required", "preferred"] = Field(
        default="required",
        description="Whether a passkey must know its owner (PIN, finger, face). `preferred` lets security keys without that be "
        "second factors; signing in without a password always needs it.",
    )
    challenge_seconds: int = Field(default=300, ge=30, le=600, description="Time for one use of a passkey.")
    counter: Literal["refuse", "report"] = Field(
        default="refuse",
        description="What happens when a passkey counts backwards, as a copy would. Both tell it as an event.",
    )

    def at(self, public_url: str, *, name: str = "") -> PasskeySettings:
        """These settings for the site at `public_url`, whose name is `name`. Never take the URL from a request.

        Without a URL, and at an address of this machine, passkeys belong to localhost.
        """
        site = _parts(public_url.strip().lower())
        host = site.hostname or ""
        own = _origin(site)
        if not host or _is_address(host):
            host, own = _LOCAL, ""
        origins = self.origins or ((own,) if own and self._covers(self.rp_id or host, host) else ())
        return self.model_copy(
            update={"rp_id": self.rp_id or host, "origins": origins, "rp_name": self.rp_name or name or host}
        )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """A domain that is none, and pages that no browser would let use its passkeys."""
        found: list[UnsafeConfiguration] = []
        if (self.rp_id and not _DOMAIN.fullmatch(self.rp_id)) or _is_address(self.rp_id):
            found.append(_problem("passkeys cannot belong to this", "RP_ID", "Write a domain, as in example.com."))
        for origin in self.origins:
            parts = _parts(origin)
            if parts.scheme not in {"http", "https"}:
                continue  # an app's, as in android:apk-key-hash:...
            if not parts.hostname or origin != _origin(parts):
                found.append(_problem("this is no origin", "ORIGINS", "Write it as in https://app.example.com."))
            elif production and parts.scheme != "https" and parts.hostname != _LOCAL:
                found.append(_problem("a page with passkeys has no TLS", "ORIGINS", "Use its https:// address."))
            elif self.rp_id and not self._covers(self.rp_id, parts.hostname):
                found.append(
                    _problem("a page lies outside the domain of its passkeys", "ORIGINS", "Name one below RP_ID.")
                )
        return found

    def allows(self, origin: object) -> bool:
        """Whether a page of this origin may use passkeys here: compared exactly."""
        if not isinstance(origin, str):
            return False
        if self.origins:
            return origin in self.origins
        if self.rp_id != _LOCAL:
            return origin == f"https://{self.rp_id}"
        # Whatever port a development server has: nobody else's page has this name.
        return re.fullmatch(r"https?://localhost(:[0-9]{1,5})?", origin, re.ASCII) is not None

    @staticmethod
    def _covers(rp_id: str, host: str) -> bool:
        return host == rp_id or host.endswith(f".{rp_id}")


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that does not close
        return SplitResult("https", "", "", "", "")


def _origin(site: SplitResult) -> str:
    """As browsers spell it: without the port that goes without saying (RFC 6454 section 6.2)."""
    place = site.netloc.rpartition("@")[2].lower().removesuffix(_PORTS.get(site.scheme, ""))
    return f"{site.scheme}://{place}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _problem(what: str, key: str, fix: str) -> UnsafeConfiguration:
    return UnsafeConfiguration(
        what,
        where=f"FASTNESS_PASSKEYS__{key}",
        why="Browsers refuse it, or a page that is not yours could use the passkeys.",
        fix=fix,
    )
