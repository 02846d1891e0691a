"""Whole numbers that the databases behind an API can hold (ASVS 1.4.2): 10**30 is a 422, not an error of the driver."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""What `Integer` columns hold."""

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1, json_schema_extra={"format": "int64"})]
"""What `BigInteger` columns hold. JavaScript reads whole numbers exactly only up to 2**53 - 1."""

Id = Annotated[int, Field(ge=1, le=2**63 - 1, json_schema_extra={"format": "int64"})]
"""The key of a row that a database counts: `async def order(order_id: Id)`."""
