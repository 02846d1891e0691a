"""What the controls do, as numbers and spans: OpenTelemetry beside FastAPI's own, and a page for Prometheus.

Off unless a setting turns it on, and then nothing of it is loaded or called. ASVS 5.0 16.2.1 is the event log's; numbers
hold no person: no address, id, path value or text of a caller is ever a label.
"""

from fastness.telemetry.settings import TelemetrySettings
from fastness.telemetry.watch import Telemetry

__all__ = ["Telemetry", "TelemetrySettings"]
