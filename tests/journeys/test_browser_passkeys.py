"""Passkeys as a real browser makes and uses them: Chromium's own authenticator, its own JSON, and pages that are not ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from fastness.controls.secrets import generate
from journeys.browser import Watched, chromium, watched
from journeys.servers import free_port, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ADA = {"email": "ada@example.com", "password": "violet teapot under the stairs"}
_CALL = """async ([path, body, token]) => {
  const headers = {"content-type": "application/json", ...(token ? {authorization: `Bearer ${token}`} : {})};
  const answer = await fetch(path, {method: "POST", headers, body: JSON.stringify(body)});
  return [answer.status, await answer.json()];
}"""
_CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({publicKey})).toJSON();
}"""
_GET = """async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({publicKey})).toJSON();
}"""
_AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    settings = {
        "FASTNESS_ENVIRONMENT": "development",
        "FASTNESS_SECRET": generate(),
        "FASTNESS_DATABASE_URL": f"sqlite:///{folder}/accounts.db",
        "FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED": "true",
    }
    with running(["fastness", "serve", "--port", str(free_port())], folder, environment=settings) as server:
        yield server.answers(r"(http://127\.0\.0\.1:\d+)")


def call(seen: Watched, path: str, body: dict[str, Any], token: str = "") -> tuple[int, dict[str, Any]]:
    status, answer = seen.page.evaluate(_CALL, [path, body, token])
    return status, answer


def test_chromium_makes_a_passkey_and_signs_in_with_it_in_every_way(browser: Browser, url: str) -> None:
    with watched(browser) as seen:
        seen.page.goto(url.replace("127.0.0.1", "localhost") + "/docs")
        cdp = seen.page.context.new_cdp_session(seen.page)
        cdp.send("WebAuthn.enable")
        cdp.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        assert call(seen, "/auth/register", {**ADA, "name": "Ada"})[0] == 202
        token = call(seen, "/auth/login", ADA)[1]["access_token"]

        _, making = call(seen, "/account/passkeys/options", {}, token)
        made = seen.page.evaluate(_CREATE, making["options"])
        added = call(seen, "/account/passkeys", {"name": "Laptop", "passkey": made}, token)
        _, alone = call(seen, "/auth/passkeys/options", {})
        given = {"flow": alone["flow"], "passkey": seen.page.evaluate(_GET, alone["options"])}
        signed_in = call(seen, "/auth/passkeys/login", given)
        mfa_token = call(seen, "/auth/login", ADA)[1]["mfa_token"]
        _, factor = call(seen, "/auth/passkeys/options", {"mfa_token": mfa_token})
        given = {"mfa_token": mfa_token, "passkey": seen.page.evaluate(_GET, factor["options"])}
        second = call(seen, "/auth/mfa", given)
        _, step_up = call(seen, "/auth/reauthenticate/options", {}, second[1]["access_token"])
        proof = {"passkey": seen.page.evaluate(_GET, step_up["options"])}
        again = call(seen, "/auth/reauthenticate", proof, second[1]["access_token"])

    assert [status for status, _ in (added, signed_in, second, again)] == [201, 200, 200, 200]
    assert len(added[1]["recovery_codes"]) == 10


def test_a_page_of_another_site_gets_nothing_from_the_authenticator(browser: Browser, url: str) -> None:
    with watched(browser) as seen:
        seen.page.goto(url + "/docs")  # 127.0.0.1 is another site than localhost
        _, options = call(seen, "/auth/passkeys/options", {})

        asked = seen.page.evaluate(f"(options) => ({_GET})(options).catch(error => error.name)", options["options"])

    assert options["options"]["rpId"] == "localhost"
    assert asked == "SecurityError"
