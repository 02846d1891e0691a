"""Which environment variables the application wanted and did not get."""

from __future__ import annotations

import os
import sys
from typing import Any


class Asked:
    """Remembers names that were asked of `os.environ` in vain, by the application or by a settings library for it."""

    def __init__(self, root: str) -> None:
        self.unanswered: set[str] = set()
        self._root = root + os.sep

    def watch(self) -> None:
        """From here on."""
        kind: Any = type(os.environ)
        plain = kind.__getitem__

        def getitem(environ: Any, name: Any) -> Any:
            try:
                return plain(environ, name)
            except KeyError:
                if isinstance(name, str) and self._ours():
                    self.unanswered.add(name)
                raise

        kind.__getitem__ = getitem

    def _ours(self) -> bool:
        # A settings library stands a few calls between the application and the environment. What a library asks for
        # while it is imported is its own affair.
        frame: Any = sys._getframe(2)
        for _ in range(12):
            if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
                return False
            if frame.f_code.co_filename.startswith(self._root):
                return True
            frame = frame.f_back
        return False

    def wanted(self, error: BaseException) -> list[str]:
        """The name that this error is about, else all of them."""
        name = error.args[0] if isinstance(error, KeyError) and error.args else None
        return [name] if name in self.unanswered else sorted(self.unanswered)


def missing_settings(error: BaseException) -> list[dict[str, Any]]:
    """What a settings class of Pydantic refused: name of the variable, kind of the error, and what was expected."""
    errors: Any = getattr(error, "errors", None)
    title = getattr(error, "title", None) or getattr(getattr(error, "model", None), "__name__", "")
    base = _base()
    if errors is None or base is None:
        return []
    cls = next((each for each in _below(base) if each.__name__ == title), None)
    if cls is None:
        return []
    prefix, found = _prefix(cls), []
    for problem in errors():
        place = problem.get("loc") or ("",)
        field = (getattr(cls, "model_fields", None) or getattr(cls, "__fields__", {})).get(str(place[0]))
        kind = getattr(field, "annotation", None) or getattr(field, "outer_type_", "")
        found.append(
            {
                # A validation alias is the variable's whole name.
                "name": str(place[0]) if field is None else prefix + str(place[0]),
                "error": problem.get("type", ""),
                "expected": str((problem.get("ctx") or {}).get("expected", "")),
                "kind": str(kind),
            }
        )
    return found


def unset_settings(root: str) -> list[dict[str, Any]]:
    """Required settings of the application's own classes that nothing has set: it reads them with its first request."""
    base, found = _base(), []
    known = {name.upper() for name in os.environ}
    for cls in _below(base) if base is not None else ():
        file = getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
        for name, field in (getattr(cls, "model_fields", None) or {}).items() if file.startswith(root + os.sep) else ():
            whole = _prefix(cls) + name
            simple = getattr(field.annotation, "__module__", "") in {"builtins", "pydantic.types", "pydantic.networks"}
            if field.is_required() and simple and not field.validation_alias and whole.upper() not in known:
                found.append({"name": whole, "error": "missing", "expected": "", "kind": str(field.annotation)})
    return found


def _base() -> Any:
    base = getattr(sys.modules.get("pydantic_settings"), "BaseSettings", None)
    # Pydantic 2 has a name that raises.
    return base or getattr(sys.modules.get("pydantic"), "__dict__", {}).get("BaseSettings")


def _prefix(cls: Any) -> str:
    config = getattr(cls, "model_config", None)
    return str(config.get("env_prefix", "") if config else getattr(getattr(cls, "Config", None), "env_prefix", ""))


def _below(cls: Any) -> list[Any]:
    return [each for child in cls.__subclasses__() for each in (child, *_below(child))]
