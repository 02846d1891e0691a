"""Query parameters of lists: bounded numbers, a cleaned search, and each of them at most once (ASVS 15.3.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from fastapi import Query
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from fastness.controls.fields.text import PlainText, encodable, wrong

_LAST_PAGE = 10_000
_LARGEST_PAGE = 100
_LONGEST_SEARCH = 100
_DEEPEST = 10_000  # page times limit: OFFSET reads and throws away every row before the page


@dataclass(frozen=True, slots=True, eq=False)  # hashable, so that `X | None` works in an annotation
class _Once:
    """A parameter that is refused when it is sent twice.

    FastAPI gives a scalar parameter the last of several values, and a list parameter all of them. So these are lists
    to FastAPI, and one value to the endpoint, the type checker and the OpenAPI document.
    """

    inner: core_schema.CoreSchema
    json_schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        del source, handler
        return core_schema.chain_schema([core_schema.no_info_plain_validator_function(_only), self.inner])

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return dict(self.json_schema)


def _only(values: object) -> object:
    if not isinstance(values, list):
        return values
    several = cast("Sequence[object]", values)
    if len(several) != 1:
        raise wrong("repeated", "Send this parameter once")
    return several[0]


def _number(largest: int) -> _Once:
    return _Once(
        core_schema.int_schema(ge=1, le=largest, strict=False), {"type": "integer", "minimum": 1, "maximum": largest}
    )


def check_search(value: object) -> str | None:
    """The search term, NFC and trimmed, or None when nothing is left of it.

    Raises:
        PydanticCustomError: type `fastness_text_length`, `fastness_text_characters` or `fastness_unicode`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong("search", "A search term is text")
    return _search.clean(encodable(value)) or None


_search = PlainText(_LONGEST_SEARCH)

if TYPE_CHECKING:
    Page = Annotated[int, Query(ge=1, le=_LAST_PAGE)]
    PageSize = Annotated[int, Query(ge=1, le=_LARGEST_PAGE)]
    Search = Annotated[str | None, Query(max_length=_LONGEST_SEARCH)]
else:
    Page = Annotated[list[Any], _number(_LAST_PAGE), Query(description="Which page, from 1.")]
    PageSize = Annotated[list[Any], _number(_LARGEST_PAGE), Query(description="How many items on a page.")]
    Search = Annotated[
        list[Any],
        _Once(
            core_schema.no_info_plain_validator_function(check_search), {"type": "string", "maxLength": _LONGEST_SEARCH}
        ),
        Query(description="The first letters of what is searched; empty means everything."),
    ]


class Paging(BaseModel):
    """The three together: `paging: Annotated[Paging, Query()]`. Unknown parameters are refused.

    `page * limit` is at most 10,000: deeper lists need a cursor, since a database reads all that it skips (API4:2023).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    page: Page = 1
    limit: PageSize = 20
    search: Search = None

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.limit

    @model_validator(mode="after")
    def _not_too_deep(self) -> Self:
        if self.page * self.limit > _DEEPEST:
            raise wrong("too_deep", f"page times limit is at most {_DEEPEST}; narrow the search or follow the cursor")
        return self
