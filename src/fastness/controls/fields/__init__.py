"""Field types that refuse what no honest client sends; each is one annotation.

Their errors are `PydanticCustomError`s whose type begins with `fastness_` and whose message never contains input.
"""

from __future__ import annotations

from fastness.controls.fields.display_name import DisplayName
from fastness.controls.fields.email_address import Email, canonical_email
from fastness.controls.fields.file_name import FileName
from fastness.controls.fields.html import HtmlText
from fastness.controls.fields.integer import Id, Int32, Int64
from fastness.controls.fields.model import StrictModel
from fastness.controls.fields.paging import Page, PageSize, Paging, Search
from fastness.controls.fields.password import NewPassword
from fastness.controls.fields.phone_number import Phone, PhoneNumber
from fastness.controls.fields.redirect import SafeRedirect
from fastness.controls.fields.text import PlainText
from fastness.controls.fields.url import SafeUrl, Url
from fastness.controls.fields.username import Username, canonical_username

__all__ = [
    "DisplayName",
    "Email",
    "FileName",
    "HtmlText",
    "Id",
    "Int32",
    "Int64",
    "NewPassword",
    "Page",
    "PageSize",
    "Paging",
    "Phone",
    "PhoneNumber",
    "PlainText",
    "SafeRedirect",
    "SafeUrl",
    "Search",
    "StrictModel",
    "Url",
    "Username",
    "canonical_email",
    "canonical_username",
]
