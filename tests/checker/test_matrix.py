"""Who may call what: each route is guarded, optional, public or unknown, and the lock file shows a change and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.sample import APP, place
from fastness.checker.evidence.model import Application, Guard, Route
from fastness.checker.matrix import access, lock, rows

USER = Guard("access", "dependency current_user", place(3))


def route(*guards: Guard, public: str | None = None) -> Route:
    return Route("/x", frozenset({"GET"}), "http", "app.main.x", place(1), guards=guards, public=public)


@pytest.mark.parametrize(
    ("given", "who"),
    [
        (route(USER), "guarded"),
        (route(Guard("signature", "webhook signature")), "guarded"),
        (route(replace(USER, optional=True)), "optional"),
        (route(Guard("limits", "5/minute")), "unknown"),
        (route(public="a page for everybody"), "public"),
        (route(Guard("role", "role tested in the body"), public="a page for everybody"), "public"),
        (route(), "unknown"),
    ],
)
def test_a_route_is_judged_by_what_stands_before_it(given: Route, who: str) -> None:
    assert access(given, APP) == who


def test_an_application_that_closes_itself_guards_what_is_not_public() -> None:
    closed = replace(APP, controls=frozenset({"access"}))

    assert [row.access for row in rows([closed])] == ["public", "guarded", "guarded"]
    assert next(row for row in rows([closed]) if row.access == "public").cells[0] == ""


def test_a_lock_shows_guards_and_reasons_and_no_lines() -> None:
    text = lock([APP])

    assert text.splitlines()[3:] == [
        "[app.main:app]",
        "GET /health | public: the load balancer asks | - | - | - | - | -",
        "GET /me | dependency current_user | - | - | 5/minute by user | - | -",
        "POST /orders/{order_id} | unknown | - | - | - | - | -",
    ]


def moved(app: Application) -> Application:
    return replace(
        app, place=place(99), routes=tuple(replace(r, place=place(r.place.line + 50)) for r in app.routes[::-1])
    )


def test_moved_code_leaves_the_lock_as_it_was_and_a_lost_guard_changes_one_line() -> None:
    bare = replace(APP, routes=tuple(replace(r, guards=()) for r in APP.routes))

    assert lock([moved(APP)]) == lock([APP])
    changed = [
        pair for pair in zip(lock([APP]).splitlines(), lock([bare]).splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert changed == [
        (
            "GET /me | dependency current_user | - | - | 5/minute by user | - | -",
            "GET /me | unknown | - | - | - | - | -",
        )
    ]
