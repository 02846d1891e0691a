"""E-mail addresses: one spelling is normalised once, then checked; two mailboxes never become one.

Refused on purpose, though RFC 5321 or 5322 allow it: display names, comments, folding space, quoted local parts,
address literals, domains without a dot, special-use domains (RFC 6761). Sources: RFC 5321 section 4.5.3.1 (lengths),
RFC 6532 section 3.1 (NFC), RFC 5891 (IDNA), Unicode TR 39 section 5.2 (scripts). ASVS 1.3.11, 2.2.1.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic_core import PydanticCustomError

from fastness.controls.fields.text import Checked, wrong
from fastness.core.characters import passes_for_latin, phonetic, scripts, written_together

_LONGEST, _LONGEST_LOCAL = 254, 64  # octets
# Half the world types full-width letters by accident; the at sign stays out, so that no mapping can move the border.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) != "\uff20"}


def canonical_email(address: str) -> str:
    """The form to compare, look up and count by; store it beside the address as typed. Never raises.

    One form for: upper and lower case, NFC and NFD, full-width letters, spaces around, a dot at the end of the domain,
    and a domain in Unicode or punycode. Dots and `+tags` in the local part stay: only the mailbox's own server knows
    what they mean. Folding never crosses letters: sharp s is not `ss`, dotless i is not `i`.
    """
    if len(address) > 2 * _LONGEST:
        return address.lower()  # no mailbox, so no second spelling either; and no work for the normaliser
    local, at, domain = _once(address).rpartition("@")
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    return f"{local}{at}{_ascii_domain(domain.removesuffix('.')) or domain.lower()}"


def check_email(value: str) -> str:
    """The address to keep: local part as typed (trimmed, NFC), domain in lower case and punycode.

    Raises:
        PydanticCustomError: type `fastness_email` or `fastness_email_length`.
    """
    # Before any parser sees it: a parser's worst case is then the worst case of 254 characters (CVE-2023-36053).
    if len(value) > _LONGEST:
        raise _too_long()
    local, at, domain = _once(value).rpartition("@")
    if not (local and at and domain) or any(mark in local for mark in '@"\\') or domain.startswith("["):
        raise _not_an_address()
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None or not _local_is_plain(local):
        raise _not_an_address()
    if len(local.encode()) > _LONGEST_LOCAL or len(local.encode()) + 1 + len(ascii_domain) > _LONGEST:
        raise _too_long()
    address = f"{local}@{ascii_domain}"
    unicode_domain = _parse(address)
    if _confusable(local, unicode_domain):
        raise wrong("email", "This e-mail address mixes letters that look alike. Write it in one alphabet")
    return address


def _once(address: str) -> str:
    # Only the plain space is trimmed: a line feed at the end is an attack on mail headers, not a slip of the thumb.
    return unicodedata.normalize("NFC", address.translate(_NARROW).strip(" "))


def _local_is_plain(local: str) -> bool:
    if local.isascii():
        return local.isprintable() and " " not in local
    # A compatibility character (a ligature, a long s) is another mailbox to one server and the same to the next.
    return unicodedata.normalize("NFKC", local) == local and all(
        character.isascii() or (unicodedata.category(character)[0] in "LM") or unicodedata.category(character) == "Nd"
        for character in local
    )


def _ascii_domain(domain: str) -> str | None:
    domain = domain.lower()
    if domain.isascii():
        return domain if domain.isprintable() and " " not in domain else None
    if len(domain) > _LONGEST or not all(
        character in ".-" or character.isascii() or unicodedata.category(character)[0] in "LMN" for character in domain
    ):
        return None
    import idna

    try:
        # No UTS 46 mapping: what IDNA 2008 does not allow as it stands is refused, not turned into something else.
        return idna.encode(unicodedata.normalize("NFC", domain), uts46=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _parse(address: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        parsed = validate_email(address, check_deliverability=False, allow_display_name=False)
    except (EmailNotValidError, UnicodeError):
        raise _not_an_address() from None
    return parsed.domain


def _confusable(local: str, domain: str) -> bool:
    if (local + domain).isascii():
        return False
    top = scripts(domain.rpartition(".")[2])
    for part in (local, *domain.split(".")):
        found = scripts(part)
        if not written_together(found) or any(phonetic(character) for character in part):
            return True
        script = passes_for_latin(part)
        if script and script not in top:
            return True
    return False


def _not_an_address() -> PydanticCustomError:
    return wrong("email", "Give one e-mail address such as name@example.com, without a display name")


def _too_long() -> PydanticCustomError:
    return wrong("email_length", "An e-mail address has at most 254 characters, 64 of them before the @")


Email = Annotated[
    str,
    Checked(check_email, {"format": "email", "minLength": 6, "maxLength": _LONGEST, "examples": ["ada@example.com"]}),
]
"""One e-mail address. Compare by `canonical_email`, and send nothing that matters before its owner confirmed it."""
