"""What an address of the application takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Match

if TYPE_CHECKING:
    from starlette.requests import Request

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def methods_at(request: Request, path: str) -> tuple[str, ...]:
    """Return the methods that a path of this application takes (RFC 9110 §10.2.1), HEAD and OPTIONS aside.

    Args:
        request: Any request to the application.
        path: The path, decoded.
    """
    routes = request.app.router.routes
    scope = {**request.scope, "path": path, "path_params": {}}
    return tuple(
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    )
