"""Questions about what browsers do: cookies, pages of strangers, WebSockets, documentation; and about API keys."""

from __future__ import annotations

from fastness.proven.questions import Scene, Untried, Wrong, expect

_EVIL = "https://evil.example"


async def cookies(scene: Scene) -> str:
    """A cookie that nobody gave signs nobody in, and two are none."""
    if scene.secured.cookies is None:
        raise Untried("no session cookie is read")
    name = scene.secured.cookies.settings.name
    name = name if name.startswith("__Host-") else f"__Host-{name}"
    expect(await scene.ask("GET", "/me", headers={"cookie": f"{name}=invented"}), 401)
    twice = await scene.ask("GET", "/me", headers={"cookie": f"{name}=one; {name}=two"})
    expect(twice, 400, "repeated_session_cookie")
    return f"an invented {name} is 401, two of them are 400"


async def csrf(scene: Scene) -> str:
    """No page of a stranger signs a visitor in."""
    own = f"https://{scene.visitor.host}"
    expect(await scene.ask("POST", "/sign-in", headers={"origin": own}), 200)
    foreign = await scene.ask("POST", "/sign-in", headers={"origin": _EVIL, "sec-fetch-site": "cross-site"})
    if scene.observes("csrf"):
        expect(foreign, 200)
        return "a sign-in from a stranger's page is reported and passes"
    expect(foreign, 403, "cross_site_request")
    return f"a sign-in from {own} passes, one from a stranger's page is 403"


async def websockets(scene: Scene) -> str:
    """No page of a stranger opens a WebSocket."""
    if not await scene.visitor.connects(f"{scene.path}/socket"):
        raise Wrong("a WebSocket without Origin, as programs open them, is refused")
    if await scene.visitor.connects(f"{scene.path}/socket", headers={"origin": _EVIL}):
        raise Wrong(f"a page of {_EVIL} opened a WebSocket")
    return "a stranger's page opens none"


async def docs(scene: Scene) -> str:
    """The OpenAPI document is for whom the level says."""
    url = scene.app.openapi_url
    level = getattr(scene.secured.controls.get("docs"), "level", "off")
    if not url:
        raise Untried("there is no OpenAPI document")
    expect(await scene.visitor.ask("GET", url), {"off": 404, "required": 401, "public": 200}[level])
    return {"required": f"{url} is 401 without credentials", "public": f"{url} is open, as configured"}.get(
        level, "off"
    )


async def apikeys(scene: Scene) -> str:
    """An invented key opens nothing."""
    keys = scene.secured.apikeys
    if keys is None or not keys.header:
        raise Untried("no header carries a key")
    expect(await scene.ask("GET", "/me", headers={keys.header: "fast_live_invented"}), 401, "invalid_api_key")
    return f"an invented key in {keys.header} is 401"
