"""The requests that the cases of exhaustion.json describe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from proof.places import FORM, JSON, Asked

OUTSIDE_ASGI = {"slow_body", "slow_headers", "ws_frames", "pipelined_requests", "body_size", "zip_upload"}
"""Kinds that only a socket or a stopwatch can show."""

Case = Mapping[str, Any]
MULTIPART = (b"content-type", b"multipart/form-data; boundary=x")
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'


def exhausting(case: Case) -> Asked:
    """One request. Raises KeyError for a kind that nobody wrote down here."""
    return KINDS[case["kind"]](case)


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


_LONG_LIGATURES = {"email": "\ufdfa" * 100_000, "password": "\ufdfa" * 100_000}

KINDS: dict[str, Callable[[Case], Asked]] = {
    "json_depth": _json(lambda case: str(case["open"]) * case["depth"]),
    "json_keys": _json(lambda case: {f"k{n}": n for n in range(case["count"])}),
    "json_big_int": _json(lambda case: '{"email":' + "9" * case["digits"] + "}"),
    "json_number": _json(lambda case: f'{{"email":{case["value"]}}}'),
    "json_int_hash_collision": _json(lambda case: [n * (2**61 - 1) for n in range(case["count"])]),
    "unicode_normalise": _json(lambda _: _LONG_LIGATURES),
    "regex_field": _json(lambda _: _LONG_LIGATURES),
    "header_count": lambda case: Asked(
        "POST", "/auth/login", [JSON, *((b"x-h%d" % n, b"v") for n in range(case["count"]))]
    ),
    "header_size": _header(b"x-large", lambda case: b"v" * case["kb"] * 1024),
    "range_count": _header(b"range", lambda case: b"bytes=" + b"0-1," * case["count"]),
    "compressed_bomb": _header(b"content-encoding", lambda case: str(case["encoding"]).encode()),
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
