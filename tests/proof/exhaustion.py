"""The requests that the cases of exhaustion.json describe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from proof.compressed import compressed
from proof.places import FORM, JSON, Asked

OUTSIDE_ASGI = {"slow_body", "slow_headers", "ws_frames", "pipelined_requests", "body_size", "zip_upload"}
"""Kinds that only a socket or a stopwatch can show."""

Case = Mapping[str, Any]
MULTIPART = (b"content-type", b"multipart/form-data; boundary=x")
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'


def exhausting(case: Case) -> Asked:
    """One request. Raises KeyError for a kind that nobody wrote down here."""
    return KINDS[case["kind"]](case)


def packed(coding: str, mib: int, *, email: str = "ada@example.com", password: str = "not the right one") -> Asked:
    """A sign-in that only a server can read that unpacks it, to so many MiB."""
    return Asked(
        "POST", "/auth/login", [JSON, (b"content-encoding", coding.encode())], compressed(coding, email, password, mib)
    )


def _json(body: Callable[[Case], object]) -> Callable[[Case], Asked]:
    def asked(case: Case) -> Asked:
        made = body(case)
        return Asked(
            "POST", "/auth/login", [JSON], made.encode() if isinstance(made, str) else json.dumps(made).encode()
        )

    return asked


def _header(name: bytes, value: Callable[[Case], bytes]) -> Callable[[Case], Asked]:
    return lambda case: Asked("POST", "/auth/login", [JSON, (name, value(case))])


def _form(kind: tuple[bytes, bytes], body: Callable[[int], bytes]) -> Callable[[Case], Asked]:
    return lambda case: Asked("POST", "/auth/token", [kind], body(case["count"]))


def _query(one: Callable[[int], bytes]) -> Callable[[Case], Asked]:
    return lambda case: Asked("GET", "/users", query=b"&".join(one(n) for n in range(case["count"])))


def _content_type(value: Callable[[int], bytes]) -> Callable[[Case], Asked]:
    return lambda case: Asked("POST", "/auth/token", [(b"content-type", value(case["count"]))])


_LIGATURES = "\ufdfa" * 100_000
"""Eighteen letters each in their compatible form; in one field, so that the body is within its limit."""

KINDS: dict[str, Callable[[Case], Asked]] = {
    "json_depth": _json(lambda case: str(case["open"]) * case["depth"]),
    "json_keys": _json(lambda case: {f"k{n}": n for n in range(case["count"])}),
    "json_big_int": _json(lambda case: '{"email":' + "9" * case["digits"] + "}"),
    "json_number": _json(lambda case: f'{{"email":{case["value"]}}}'),
    "json_int_hash_collision": _json(lambda case: [n * (2**61 - 1) for n in range(case["count"])]),
    "unicode_normalise": _json(lambda _: {"email": "ada@example.com", "password": _LIGATURES}),
    "regex_field": _json(lambda _: {"email": _LIGATURES, "password": "not the right one"}),
    "header_count": lambda case: Asked(
        "POST", "/auth/login", [JSON, *((b"x-h%d" % n, b"v") for n in range(case["count"]))]
    ),
    "header_size": _header(b"x-large", lambda case: b"v" * case["kb"] * 1024),
    "range_count": _header(b"range", lambda case: b"bytes=" + b"0-1," * case["count"]),
    "compressed_bomb": lambda case: packed(case["encoding"], case["mb_after"]),
    "urlencoded_fields": _form(FORM, lambda count: b"&".join(b"f%d=1" % n for n in range(count))),
    "multipart_parts": _form(MULTIPART, lambda count: (PART + b"\r\n1\r\n") * count + b"--x--"),
    "multipart_headers_per_part": _form(MULTIPART, lambda count: PART + b"X-H: v\r\n" * count + b"\r\n1\r\n--x--"),
    "multipart_preamble_crlf": _form(MULTIPART, lambda count: b"\r\n" * count + PART + b"\r\n1\r\n--x--"),
    "multipart_epilogue": _form(MULTIPART, lambda count: PART + b"\r\n1\r\n--x--" + b"y" * count),
    "multipart_boundary_length": _content_type(lambda count: b"multipart/form-data; boundary=" + b"x" * count),
    "semicolons_in_content_type": _content_type(lambda count: FORM[1] + b";" * count),
    "query_params": _query(lambda n: b"q%d=1" % n),
    "query_list_same_key": _query(lambda _: b"limit=1"),
}

REFUSED: dict[str, set[int]] = {
    "json_depth": {400, 422},
    "json_keys": {413, 422},
    "json_big_int": {400, 422},
    "json_number": {422},
    "json_int_hash_collision": {413, 422},
    "unicode_normalise": {422},
    "regex_field": {422},
    "header_count": {431},
    "header_size": {422, 431},
    "range_count": {431},
    "compressed_bomb": {400, 415},
    "urlencoded_fields": {400},
    "multipart_parts": {400, 413},
    "multipart_headers_per_part": {400},
    "multipart_preamble_crlf": {400, 413},
    "multipart_epilogue": {400},
    "multipart_boundary_length": {400, 431},
    "semicolons_in_content_type": {400, 431},
    "query_params": {414, 431},
    "query_list_same_key": {414, 431},
}
"""What each kind must be answered with; two, where some of its cases are within a limit or a server has one of its own.

A bomb that was unpacked would be 413, and one that ended before that 401.
"""
