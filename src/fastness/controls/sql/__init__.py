"""SQL from outside values: text that is written in the source, names from an allow-list, literal search terms; a guard.

Values never become SQL: they travel as bound parameters. What cannot be bound (a column, a direction) is looked up
(CVE-2026-1287, CVE-2025-57833), and what can be bound but has a meaning of its own (`%`, `_`) is escaped. The guard sees
at run time who does otherwise. ASVS 1.2.4. Needs SQLAlchemy, which is loaded at the first call.
"""

from __future__ import annotations

from fastness.controls.sql.names import UnknownName, UnknownSort, identifier, order_by
from fastness.controls.sql.search import BadSearchTerm, contains, starts_with
from fastness.controls.sql.statement import query
from fastness.controls.sql.watch import SqlGuard, UnboundValue, guard

__all__ = [
    "BadSearchTerm",
    "SqlGuard",
    "UnboundValue",
    "UnknownName",
    "UnknownSort",
    "contains",
    "guard",
    "identifier",
    "order_by",
    "query",
    "starts_with",
]
