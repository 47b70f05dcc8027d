"""Names in paths: a slash within one, sent as `%2F`, divides nothing (RFC 3986 §2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor

if TYPE_CHECKING:
    from starlette.types import Scope

# Of private use, so that no name holds it (`core.names`).
_SLASH = "\uf8ff"
_KIND = "name"


class _Name(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", _SLASH)


register_url_convertor(_KIND, _Name())


def keep_slashes(scope: Scope) -> None:
    """Let slashes that were sent as `%2F` go unnoticed by the router; a route's `{subject:name}` has them again."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" in raw.lower():
        segments = raw.decode("latin-1").split("/")
        scope["path"] = "/".join(unquote(segment).replace("/", _SLASH) for segment in segments)


def plain(pattern: str) -> str:
    """Return a route's pattern without the kinds of its parts."""
    return pattern.replace(f":{_KIND}}}", "}")
