"""Security events as JSON lines that cannot be forged, leak no secret and cannot fill a disk.

One event is one line of ASCII JSON on the logger `fastness.events`, with the names and fields of the OWASP Logging
Vocabulary cheat sheet. Values are redacted, cut to 1 KB and freed of control characters. The sink never raises.
ASVS 5.0 16.2.1, 16.2.2, 16.2.5, 16.3.1 to 16.3.4, 16.4.1.
"""

from fastness.controls.security_events.redaction import clean, redacted
from fastness.controls.security_events.request import Asked
from fastness.controls.security_events.sink import SecurityEvents, SecurityEventSettings

__all__ = ["Asked", "SecurityEventSettings", "SecurityEvents", "clean", "redacted"]
