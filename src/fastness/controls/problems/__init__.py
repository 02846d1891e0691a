"""Errors that help the caller and tell an attacker nothing.

Every error is `application/problem+json` (RFC 9457) with a stable `code` and the request id. A 422 never repeats what
was sent, and is at most 4 KB. An unhandled exception is logged once, under its request id, and answered with nothing
but that id. ASVS 5.0 4.1.1, 16.5.1, 16.5.3, 16.5.4.
"""

from fastness.controls.problems.handlers import HttpProblem, Problems, ProblemSettings
from fastness.controls.problems.validation import InvalidInput

__all__ = ["HttpProblem", "InvalidInput", "ProblemSettings", "Problems"]
