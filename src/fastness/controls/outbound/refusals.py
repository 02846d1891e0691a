"""Why an outgoing request did not happen or was cut off: one family, whose texts may be shown to anybody."""

from __future__ import annotations

from fastness.core.errors import Refused


class OutboundError(Refused):
    """What every refusal and failure of this control is. Neither `public` nor `str()` names an address or a secret."""

    code, status, public = "outbound_failed", 502, "The other server could not be asked."


class OutboundRefused(OutboundError):
    """The URL, or the place it leads to, may not be requested. Nothing was sent there."""

    code, status, public = "outbound_refused", 400, "This address may not be requested from here."


class OutboundFailed(OutboundError):
    """The other server is not there, or broke off, or its certificate is not right."""


class OutboundTimeout(OutboundFailed):
    """The whole of it took too long."""

    code, status, public = "outbound_timeout", 504, "The other server took too long."


class OutboundAnswerRefused(OutboundError):
    """The other server answered, and the answer is too large, of a wrong type or redirects too often."""

    code, public = "outbound_answer_refused", "The other server's answer cannot be accepted."
