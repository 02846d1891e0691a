"""The forms in which real applications authenticate are seen, and what only looks like them is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.intent import Intent
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.project import Project

HEAD = """
from typing import Annotated
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Form, Header, HTTPException, Request, Security, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
import jwt

app = FastAPI()
scheme = OAuth2PasswordBearer(tokenUrl="login")
optional_scheme = OAuth2PasswordBearer(tokenUrl="login", auto_error=False)

def current_user(token: str = Depends(scheme)):
    try:
        return jwt.decode(token, "k", algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401)

def maybe_user(token: str = Depends(optional_scheme)):
    if not token:
        return None
    return current_user(token)
"""

CLOSED = {
    "dependency in the signature": """
        @app.post("/x")
        def x(user=Depends(current_user)): ...
    """,
    "alias from another file": """
        from deps import User
        @app.post("/x")
        def x(user: User): ...
        # file: deps.py
        from typing import Annotated
        from fastapi import Depends, Header, HTTPException
        def who(authorization: str = Header()):
            if authorization != "Bearer secret":
                raise HTTPException(401)
        User = Annotated[str, Depends(who)]
    """,
    "dependencies of the decorator": """
        @app.post("/x", dependencies=[Depends(current_user)])
        def x(): ...
    """,
    "dependencies of the router": """
        router = APIRouter(dependencies=[Depends(current_user)])
        @router.post("/x")
        def x(): ...
        app.include_router(router)
    """,
    "dependencies of the grandparent": """
        inner, outer = APIRouter(), APIRouter()
        @inner.post("/x")
        def x(): ...
        outer.include_router(inner)
        app.include_router(outer, dependencies=[Depends(current_user)])
    """,
    "dependencies in a shared list": """
        CLOSED = [Depends(current_user)]
        router = APIRouter(dependencies=CLOSED + [])
        @router.post("/x")
        def x(): ...
        app.include_router(router)
    """,
    "dependencies of the application": """
        app = FastAPI(dependencies=[Depends(current_user)])
        @app.post("/x")
        def x(): ...
    """,
    "a router class of its own with class-based views": """
        from fastapi_utils.cbv import cbv
        class ClosedRouter(APIRouter):
            def __init__(self, **kwargs):
                super().__init__(dependencies=[Depends(current_user)], **kwargs)
        router = ClosedRouter(prefix="/a")
        @cbv(router)
        class Views:
            @router.post("/x")
            def x(self): ...
        app.include_router(router)
    """,
    "a class-based view that declares the user": """
        from fastapi_utils.cbv import cbv
        router = APIRouter()
        @cbv(router)
        class Views:
            user = Depends(current_user)
            @router.post("/x")
            def x(self): ...
        app.include_router(router)
    """,
    "a factory of dependencies": """
        def require(role: str):
            def check(user=Depends(current_user)):
                if user["role"] != role:
                    raise HTTPException(403)
            return check
        @app.post("/x")
        def x(_=Depends(require("admin"))): ...
    """,
    "an instance that is called": """
        class Keys:
            def __init__(self, name):
                self.name = name
            async def __call__(self, request: Request):
                if request.headers.get("X-API-Key") != self.name:
                    raise HTTPException(401)
        keys = Keys("k")
        @app.post("/x")
        def x(_=Depends(keys)): ...
    """,
    "a bound method": """
        class Auth:
            security = HTTPBearer()
            def decode(self, token):
                try:
                    return jwt.decode(token, "k", algorithms=["HS256"])
                except jwt.PyJWTError:
                    raise HTTPException(401)
            def wrapper(self, auth: HTTPAuthorizationCredentials = Security(security)):
                return self.decode(auth.credentials)
        auth = Auth()
        @app.post("/x")
        def x(user=Depends(auth.wrapper)): ...
    """,
    "a class method": """
        class Auth:
            @classmethod
            def user(cls, authorization: str = Header()):
                if not authorization.startswith("Bearer ok"):
                    raise HTTPException(401)
        @app.post("/x")
        def x(user=Depends(Auth.user)): ...
    """,
    "a scheme class that verifies": """
        class JWTBearer(HTTPBearer):
            async def __call__(self, request: Request):
                credentials = await super().__call__(request)
                if not self.valid(credentials.credentials):
                    raise HTTPException(403)
                return credentials.credentials
            def valid(self, token):
                return jwt.decode(token, "k", algorithms=["HS256"])
        @app.post("/x", dependencies=[Depends(JWTBearer())])
        def x(): ...
    """,
    "a list of permission classes": """
        class IsAuthenticated:
            def has_permission(self, request: Request):
                return request.user.id is not None
        class PermissionDependency:
            def __init__(self, permissions):
                self.permissions = permissions
            async def __call__(self, request: Request):
                for permission in self.permissions:
                    if not permission().has_permission(request):
                        raise HTTPException(401)
        @app.post("/x", dependencies=[Depends(PermissionDependency([IsAuthenticated]))])
        def x(): ...
    """,
    "Starlette's requires": """
        from starlette.authentication import requires
        @app.post("/x")
        @requires("authenticated")
        def x(request: Request): ...
    """,
    "a home-made route decorator": """
        def scoped(register, path, scopes):
            def wrap(handler):
                return register(path, dependencies=[Depends(current_user)])(handler)
            return wrap
        router = APIRouter()
        @scoped(router.post, "/x", scopes=["write"])
        def x(): ...
        app.include_router(router)
    """,
    "a wrapper decorator that tests": """
        from functools import wraps
        def login_needed(handler):
            @wraps(handler)
            async def inner(request: Request, *args, **kwargs):
                if not request.session.get("user"):
                    raise HTTPException(401)
                return await handler(request, *args, **kwargs)
            return inner
        @app.post("/x")
        @login_needed
        async def x(request: Request): ...
    """,
    "the session in the body": """
        @app.post("/x")
        def x(request: Request):
            user = request.session.get("user")
            if not user:
                return RedirectResponse("/login")
    """,
    "a cookie token in the body": """
        @app.post("/x")
        def x(session_token: str = Cookie()):
            if session_token not in sessions:
                raise HTTPException(status_code=401)
    """,
    "a helper that is given the request": """
        def authenticated(request):
            token = request.cookies.get("token")
            if token is None:
                raise HTTPException(401)
            return jwt.decode(token, "k", algorithms=["HS256"])
        @app.post("/x")
        def x(request: Request):
            user = authenticated(request)
    """,
    "an optional user that the body tests": """
        @app.post("/x")
        def x(user=Depends(maybe_user)):
            if user is None:
                raise HTTPException(401)
    """,
    "a middleware class": """
        from starlette.middleware.base import BaseHTTPMiddleware
        class Gate(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                if request.url.path in ("/health", "/login"):
                    return await call_next(request)
                if request.headers.get("Authorization") != "secret":
                    return JSONResponse({}, status_code=401)
                return await call_next(request)
        app.add_middleware(Gate)
        @app.post("/x")
        def x(): ...
    """,
    "a middleware function": """
        @app.middleware("http")
        async def gate(request: Request, call_next):
            if not request.url.path.startswith("/public"):
                if request.cookies.get("token") is None:
                    return JSONResponse({}, status_code=401)
            return await call_next(request)
        @app.post("/x")
        def x(): ...
    """,
    "a function that returns Depends": """
        def Access(role):
            return Depends(current_user)
        @app.post("/x")
        def x(user: Annotated[dict, Access("admin")]): ...
    """,
    "a package's dependency": """
        from users import fastapi_users
        user = fastapi_users.current_user(active=True)
        @app.post("/x")
        def x(_=Depends(user)): ...
        # file: users.py
        from fastapi_users import FastAPIUsers
        fastapi_users = FastAPIUsers(None, [])
    """,
    "Fastness's current user": """
        from fastness import CurrentUser
        @app.post("/x")
        def x(user: CurrentUser): ...
    """,
    "Fastness's secure": """
        from fastness import secure
        secure(app)
        @app.post("/x")
        def x(): ...
    """,
    "a dependency that says provides": """
        from fastness import provides
        @provides("access")
        def mine(): ...
        @app.post("/x")
        def x(_=Depends(mine)): ...
    """,
}

OPEN = {
    "nothing": """
        @app.post("/x")
        def x(): ...
    """,
    "a database session": """
        def get_db():
            db = connect()
            try:
                yield db
            finally:
                db.close()
        @app.post("/x")
        def x(db=Depends(get_db)): ...
    """,
    "a scheme that nobody verifies": """
        @app.post("/x")
        def x(token: str = Depends(scheme)): ...
    """,
    "an extractor": """
        def token(authorization: str = Header()):
            return authorization.split()[1]
        @app.post("/x")
        def x(t=Depends(token)): ...
    """,
    "an optional user": """
        @app.post("/x")
        def x(user=Depends(maybe_user)): ...
    """,
    "an error that ends in None": """
        def soft(token: str = Depends(optional_scheme)):
            try:
                return current_user(token)
            except HTTPException:
                return None
        @app.post("/x")
        def x(user=Depends(soft)): ...
    """,
    "not found is no refusal": """
        @app.post("/x")
        def x(name: str):
            if name not in items:
                raise HTTPException(404)
    """,
    "a path that the middleware lets pass": """
        @app.middleware("http")
        async def gate(request: Request, call_next):
            if request.url.path in ["/x"]:
                return await call_next(request)
            if request.cookies.get("token") is None:
                return JSONResponse({}, status_code=401)
            return await call_next(request)
        @app.post("/x")
        def x(): ...
    """,
    "a guard on another router": """
        closed, opened = APIRouter(dependencies=[Depends(current_user)]), APIRouter()
        @opened.post("/x")
        def x(): ...
        app.include_router(closed)
        app.include_router(opened)
    """,
}


def route(folder: Path, program: str, intent: Intent | None = None) -> Route:
    """The route of `x` in a program."""
    lines = program.splitlines()
    body = "\n".join(line[8:] for line in lines)
    first, _, rest = body.partition("# file: ")
    write(folder, HEAD + first + ("# file: " + rest if rest else ""))
    return next(r for _, r in Project(folder, intent=intent).routes() if r.path.endswith("/x"))


@pytest.mark.parametrize("form", CLOSED)
def test_a_guard_is_seen(form: str, tmp_path: Path) -> None:
    assert route(tmp_path, CLOSED[form]).guarded("access")


@pytest.mark.parametrize("form", OPEN)
def test_an_open_route_is_open(form: str, tmp_path: Path) -> None:
    assert not route(tmp_path, OPEN[form]).guarded("access")


def test_what_the_user_declares_counts(tmp_path: Path) -> None:
    program = """
        from gate import anything
        @app.post("/x")
        def x(_=Depends(anything)): ...
    """

    assert not route(tmp_path, program).guarded("access")
    assert route(tmp_path, program, Intent(access=frozenset({"gate.anything"}))).guarded("access")


def test_a_role_is_told_from_a_mere_sign_in(tmp_path: Path) -> None:
    program = """
        def admin(user=Depends(current_user)):
            if not user.is_admin:
                raise HTTPException(403)
        @app.post("/x")
        def x(_=Depends({})): ...
    """

    signed_in = route(tmp_path, program.format("current_user"))
    role = route(tmp_path, program.format("admin"))

    assert (signed_in.guarded("role"), role.guarded("role")) == (False, True)
    assert role.guarded("access")


@pytest.mark.parametrize(
    ("form", "limited"),
    [
        ('@limiter.limit("5/minute")', True),
        ("@other.thing()", False),
    ],
)
def test_a_limiter_on_the_route_is_seen(form: str, limited: bool, tmp_path: Path) -> None:  # noqa: FBT001
    program = f"""
        from slowapi import Limiter
        limiter = Limiter(key_func=str)
        @app.post("/x")
        {form}
        def x(request: Request): ...
    """

    assert route(tmp_path, program).guarded("limits") is limited


def test_a_websocket_that_closes_strangers_is_guarded(tmp_path: Path) -> None:
    write(
        tmp_path,
        HEAD
        + """
@app.websocket("/open")
async def opened(websocket: WebSocket):
    await websocket.accept()

@app.websocket("/closed")
async def closed(websocket: WebSocket):
    token = websocket.query_params.get("token")
    if token is None:
        await websocket.close(code=1008)
        return
    await websocket.accept()
""",
    )

    found = {r.path: r.guarded("access") for _, r in Project(tmp_path).routes()}

    assert found == {"/open": False, "/closed": True}
