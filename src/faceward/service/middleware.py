"""What surrounds every request: its identifier, its host, headers, logs, metrics and a trace."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from faceward.service import logs, origins, paths, work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from faceward.service.state import Service

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# No script but our own files', no frames, nothing from elsewhere. Pictures of a case are shown from memory (blob:).
_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _CONTENT,
    "x-content-type-options": "nosniff",
    # With no-referrer browsers send forms with the origin "null" (Fetch §3.2), and nothing tells whose page it was.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_STATIC = "/static/"
# What is asked for once a second, or more often, would fill the logs.
_OFTEN = frozenset({"/healthz", "/readyz", "/metrics", "/live/now", "/live/pictures/{camera}"})
_TRACER = trace.get_tracer("faceward.service")


class Surroundings:
    """The only middleware.

    Args:
        app: What it surrounds.
        service: The service.
        failed: Answers a request that brought a defect of this program to light. It is called here, and not around all
            middleware as the framework would, so that this answer, too, has every header and the request's identifier.
    """

    def __init__(
        self, app: ASGIApp, service: Service, failed: Callable[[Request, Exception], Awaitable[Response]]
    ) -> None:
        self._app, self._service, self._failed = app, service, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        paths.keep_slashes(scope)
        origins.believe(scope, self._service.settings)
        work.LANE.set(f"from {origins.address_of(scope)}")
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        token = logs.REQUEST.set(request_id)
        started, status, answering = time.perf_counter(), 500, False

        async def sending(message: Message) -> None:
            nonlocal status, answering
            if message["type"] == "http.response.start":
                answering = True
                status = int(message["status"])
                self._dress(MutableHeaders(scope=message), request_id)
            await send(message)

        with _TRACER.start_as_current_span("request", kind=trace.SpanKind.SERVER) as span:
            try:
                await (self._elsewhere(scope, headers) or self._app)(scope, receive, sending)
            except Exception as error:
                logs.LOGGER.error("failed", exc_info=error)
                if answering:
                    # What was begun cannot be taken back; the server ends the connection.
                    raise
                await (await self._answer(Request(scope, receive), error))(scope, receive, sending)
            finally:
                route, spent = route_of(scope), time.perf_counter() - started
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes(
                    {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
                )
                self._service.metrics.request(route, _method(scope), status, spent)
                logs.event(
                    "request",
                    logging.DEBUG if route in _OFTEN else logging.INFO,
                    method=_method(scope),
                    route=route,
                    status=status,
                    milliseconds=round(spent * 1000, 1),
                )
                logs.REQUEST.reset(token)

    def _elsewhere(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to who asks under another name than the service's own, or None."""
        host, settings = _host(headers), self._service.settings
        if host not in settings.hosts:
            # Another site's name that leads here (DNS rebinding) would have a browser's cookies go along.
            text = f"this service has another name: ask at {settings.origin}, or serve it with another --origin\n"
            return PlainTextResponse(text, 421)
        reading = scope["method"] == "GET" and headers.get("accept", "").startswith("text/html")
        if reading and host != settings.site and settings.named_by_itself:
            # Passkeys and cookies belong to one name: who types 127.0.0.1 is to be at localhost.
            query = scope["query_string"].decode("latin-1")
            path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
            return RedirectResponse(f"{settings.origin}{path}{f'?{query}' if query else ''}", 307)
        return None

    async def _answer(self, request: Request, error: Exception) -> Response:
        try:
            return await self._failed(request, error)
        except Exception as again:  # noqa: BLE001 - even its page may not come about
            logs.LOGGER.error("failed", exc_info=again)
            return PlainTextResponse("it failed; the service's log has more\n", 500)

    def _dress(self, headers: MutableHeaders, request_id: str) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("cache-control", "no-store")
        headers["x-request-id"] = request_id
        if self._service.settings.secure:
            headers.setdefault("strict-transport-security", "max-age=63072000")


def _host(headers: Headers) -> str:
    named = headers.get("host", "").lower()
    if named.startswith("["):
        return named[1:].partition("]")[0]
    return named.partition(":")[0]


def route_of(scope: Scope) -> str:
    """Return the route's whole pattern: a path itself may hold a subject's name."""
    # FastAPI notes the route as it stands in its router, and beside it how the application has it, with its prefix.
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = getattr(included, "path", None) or getattr(scope.get("route"), "path", "")
    if not route and scope["path"].startswith(_STATIC):
        # A mount is no route; which of its files it was is the same for everybody.
        route = f"{_STATIC}{{file}}"
    elif not route and getattr(scope.get("app"), "openapi_url", None) == scope["path"]:
        route = scope["path"]
    return paths.plain(str(route or "unmatched"))


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
