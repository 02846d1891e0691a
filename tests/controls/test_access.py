"""Who may do what: 401 and 403 as RFC 6750 says, roles, permissions, freshness, deny by default."""

from __future__ import annotations

from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI, Security

from fastness.controls.access import Authentication, CurrentUser, OptionalUser, Require, current_user, require
from fastness.controls.bearer import Bearer
from fastness.core.asgi import alone
from fastness.core.declare import provided
from fastness.core.errors import InvalidToken, UnsafeConfiguration
from fastness.core.exchange import Exchange
from fastness.core.policy import AllOf, Allow, AnyOf, Owner, decide
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

ADA = Principal("ada", roles=frozenset({"user"}), authenticated_at=1_000.0)
ROOT = Principal("root", roles=frozenset({"admin"}), permissions=frozenset({"posts:write"}), authenticated_at=1_000.0)
EVE = Principal("eve", methods=("pwd", "otp", "mfa"), authenticated_at=1_000.0)
TOKENS = {b"ada": ADA, b"root": ROOT, b"eve": EVE}


def verify(token: bytes) -> Principal:
    if token not in TOKENS:
        raise InvalidToken("unknown")
    return TOKENS[token]


def application(*, grants: Any = None) -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    @app.get("/maybe")
    async def maybe(user: OptionalUser) -> str:
        return user.id if user else "nobody"

    @app.get("/admin")
    async def admin(user: Annotated[Principal, Depends(require(role=["admin", "super_admin"]))]) -> str:
        return user.id

    @app.get("/write", dependencies=[Depends(require(permission="posts:write"))])
    async def write() -> str:
        return "written"

    @app.get("/danger")
    async def danger(user: Annotated[Principal, Depends(Require(fresh=300, now=lambda: 1_301.0))]) -> str:
        return user.id

    @app.get("/vault")
    async def vault(user: Annotated[Principal, Depends(require(mfa=True))]) -> str:
        return user.id

    app.add_middleware(alone, Authentication([Bearer(verify)], grants=grants))
    return app


def client(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost")


async def get(path: str, authorization: str = "", app: FastAPI | None = None) -> httpx2.Response:
    headers = {"Authorization": authorization} if authorization else {}
    async with client(app or application()) as http:
        return await http.get(path, headers=headers)


async def test_without_a_token_the_challenge_names_no_error() -> None:
    reply = await get("/me")

    assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_bad_token_is_an_invalid_token() -> None:
    reply = await get("/me", "Bearer forged")

    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR  "])
async def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert (await get("/me", scheme + "ada")).json() == "ada"


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic ada", "ada", "Bearer\tada", "Bearerada", "Bearer a da"])
async def test_what_is_no_bearer_token_is_nobody(value: str) -> None:
    assert (await get("/me", value)).status_code == 401


async def test_a_wrong_role_is_forbidden_and_says_insufficient_scope() -> None:
    reply = await get("/admin", "Bearer ada")

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in reply.headers["www-authenticate"]


async def test_one_of_the_named_roles_is_enough() -> None:
    assert (await get("/admin", "Bearer root")).json() == "root"


async def test_a_permission_comes_from_the_token_or_from_a_role() -> None:
    granted = application(grants={"user": ["posts:write"]})

    assert (await get("/write", "Bearer root")).status_code == 200
    assert (await get("/write", "Bearer ada")).status_code == 403
    assert (await get("/write", "Bearer ada", granted)).status_code == 200


async def test_an_unknown_role_has_no_permission() -> None:
    assert (await get("/write", "Bearer ada", application(grants={"editor": ["posts:write"]}))).status_code == 403


async def test_an_old_sign_in_is_asked_to_step_up() -> None:
    reply = await get("/danger", "Bearer ada")

    assert (reply.status_code, reply.json()["code"]) == (401, "insufficient_user_authentication")
    assert reply.headers["www-authenticate"] == 'Bearer error="insufficient_user_authentication", max_age="300"'


async def test_a_sign_in_without_a_second_factor_is_asked_for_one() -> None:
    without, with_one = await get("/vault", "Bearer ada"), await get("/vault", "Bearer eve")

    assert (without.status_code, without.json()["code"]) == (401, "insufficient_user_authentication")
    assert without.headers["www-authenticate"] == 'Bearer error="insufficient_user_authentication", acr_values="mfa"'
    assert (with_one.status_code, with_one.json()) == (200, "eve")


async def test_an_optional_user_may_be_nobody_but_not_a_forger() -> None:
    assert (await get("/maybe")).json() == "nobody"
    assert (await get("/maybe", "Bearer ada")).json() == "ada"
    assert (await get("/maybe", "Bearer forged")).status_code == 401


async def test_one_override_is_enough_for_every_requirement() -> None:
    app = application()
    app.dependency_overrides[current_user] = lambda: ROOT

    assert [(await get(path, "", app)).status_code for path in ("/me", "/admin", "/write", "/maybe")] == [200] * 4


async def test_an_override_with_a_default_is_called_without_the_request() -> None:
    app = application()
    app.dependency_overrides[current_user] = lambda user=ROOT: user

    assert (await get("/admin", "", app)).status_code == 200


async def test_an_override_does_not_give_roles_it_does_not_have() -> None:
    app = application()
    app.dependency_overrides[current_user] = lambda: ADA

    assert (await get("/admin", "", app)).status_code == 403


async def test_without_any_authenticator_nobody_gets_in() -> None:
    app = FastAPI()
    app.add_api_route("/me", lambda: "in", dependencies=[Depends(current_user)])

    assert (await get("/me", "Bearer ada", app)).status_code == 503


async def test_two_authorization_headers_are_refused() -> None:
    async with client(application()) as http:
        reply = await http.get("/me", headers=[("Authorization", "Bearer ada"), ("Authorization", "Bearer root")])

    assert reply.status_code == 400


async def test_authenticators_are_asked_in_turn_and_may_wait() -> None:
    async def absent(_: Exchange) -> Principal | None:
        return None

    app = FastAPI()
    app.add_api_route("/me", me_id, dependencies=[])
    app.add_middleware(alone, Authentication([absent, Bearer(verify)]))

    assert (await get("/me", "Bearer ada", app)).json() == "ada"


async def me_id(user: CurrentUser) -> str:
    return user.id


async def test_a_check_after_verification_can_refuse() -> None:
    def revoked(_: Principal) -> None:
        raise InvalidToken("revoked")

    app = FastAPI()
    app.add_api_route("/me", me_id)
    app.add_middleware(alone, Authentication([Bearer(verify, check=revoked)]))

    assert (await get("/me", "Bearer ada", app)).status_code == 401


def test_only_a_requirement_counts_as_an_access_decision() -> None:
    assert "access" in provided(current_user)
    assert "access" in provided(require(role="admin"))
    from fastness.controls.access import optional_user

    assert "access" not in provided(optional_user)


def test_requiring_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="CurrentUser"):
        require()


@pytest.mark.parametrize("text", ["5", "m5", "5 weeks", "-5m", "", "5m5"])
def test_a_duration_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        require(fresh=text)


def test_openapi_names_one_scheme() -> None:
    document = application().openapi()

    assert document["components"]["securitySchemes"]["fastness"]["scheme"] == "bearer"
    assert document["paths"]["/admin"]["get"]["security"] == [{"fastness": []}]


async def test_scopes_given_to_security_appear_in_openapi() -> None:
    app = FastAPI()
    app.add_api_route("/x", me_id, dependencies=[Security(require(permission="a:b"), scopes=["a:b"])])

    assert {"fastness": ["a:b"]} in app.openapi()["paths"]["/x"]["get"]["security"]


class Note:
    owner_id = "ada"


@pytest.mark.parametrize(
    ("policy", "who", "allowed"),
    [
        (Owner(), ADA, True),
        (Owner(), ROOT, False),
        (Owner("missing"), ADA, False),
        (Allow(role=("admin",)), ROOT, True),
        (Allow(), ROOT, False),
        (AnyOf([Owner(), Allow(role=("admin",))]), ROOT, True),
        (AllOf([Owner(), Allow(role=("admin",))]), ROOT, False),
        (AllOf([]), ROOT, False),
        (AnyOf([]), ROOT, False),
    ],
)
def test_policies_say_yes_only_when_they_mean_it(policy: Any, who: Principal, *, allowed: bool) -> None:
    assert policy(who, Note()) is allowed


def test_decide_refuses_with_403() -> None:
    from fastness.core.errors import Forbidden

    with pytest.raises(Forbidden):
        decide(Owner(), ROOT, Note())


def test_an_unsafe_configuration_says_all_four_parts() -> None:
    text = str(UnsafeConfiguration("what", where="where", why="why", fix="fix"))

    assert all(part in text for part in ("what", "where", "why", "fix"))


class _Stamp:
    """Another kind of credential: whoever the header names."""

    def __call__(self, exchange: Exchange) -> Principal | None:
        name = exchange.headers.get(b"x-stamp")
        return Principal(name.decode()) if name is not None else None

    def carrier(self, exchange: Exchange) -> str | None:
        return "x-stamp" if b"x-stamp" in exchange.headers else None


@pytest.mark.parametrize("token", ["ada", "forged"])
@pytest.mark.parametrize("first", ["stamp", "bearer"])
async def test_two_kinds_of_credentials_in_one_request_are_refused_whatever_they_are_worth(
    token: str, first: str
) -> None:
    kinds: list[Any] = [_Stamp(), Bearer(verify)] if first == "stamp" else [Bearer(verify), _Stamp()]
    app = FastAPI()

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.id

    app.add_middleware(alone, Authentication(kinds))
    async with client(app) as http:
        both = await http.get("/me", headers={"Authorization": f"bearer {token}", "X-Stamp": "root"})
        one = await http.get("/me", headers={"X-Stamp": "root"})
        other_scheme = await http.get("/me", headers={"X-Stamp": "root", "Authorization": "Basic YTpi"})

    assert (both.status_code, both.json()["code"]) == (400, "two_identities")
    assert (one.status_code, one.json(), other_scheme.json()) == (200, "root", "root")
