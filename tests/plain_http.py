"""For clients that speak plain HTTP with a server on loopback."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""`verify=` of a client. One that makes its own reads every authority of the machine first: 56 ms, in the event loop."""
