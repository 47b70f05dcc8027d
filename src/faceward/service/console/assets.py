"""The console's files: styles, scripts and icons, each under an address that changes with its content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

FOLDER = Path(__file__).resolve().parents[1] / "static"
PATH = "/static"
_FOREVER = "public, max-age=31536000, immutable"
_DIGITS = 16


class Assets(StaticFiles):
    """Serves the folder; an address that names the content's digest may be kept for ever."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with how long it may be kept."""
        response = await super().get_response(path, scope)
        [named] = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[:1]
        known = response.status_code in (200, 304) and named != "" and named == _digest_or_nothing(path)
        response.headers["cache-control"] = _FOREVER if known else "no-cache"
        return response


def asset(name: str) -> str:
    """Return the address of a file.

    Args:
        name: Its name, below `service/static`.
    """
    return f"{PATH}/{name}?v={digest(name)}"


@cache
def digest(name: str) -> str:
    """Return the first digits of the SHA-256 of a file."""
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:_DIGITS]


def _digest_or_nothing(name: str) -> str:
    try:
        return digest(name)
    except (OSError, ValueError):
        return ""
