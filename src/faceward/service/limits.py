"""What the log says of those who were turned away (rule K2), and where a request comes from.

Nobody is kept from trying again. What gets somebody in is a signature or 190 random bits and more, which no number of
attempts finds; a lock after failures would only let a few requests shut out everybody behind the same proxy, or whoever
they name. What attempts cost is bounded instead: the log counts those of one kind, what has only begun is kept with who
began it (see `pending`), and all wait in turns (see `work`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from anyio import to_thread

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.service import origins
from faceward.service.callers import Kind
from faceward.service.middleware import route_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.callers import Caller
    from faceward.service.state import Service

WINDOW = timedelta(minutes=10)
"""Of attempts of one kind the log has the first, and then one entry in so long, with their number."""

_PENDING, _RUNNING, _MORE = "denied-pending", "denied-running", "denied-more"
_TEXT = 64


async def denied(
    request: Request, what: str, reason: str, *, caller: Caller | None = None, name: str = "", shown: bool = True
) -> None:
    """Record in the log that somebody was turned away.

    Args:
        request: The request.
        what: What they attempted: `sign-in`, `route`, `csrf`.
        reason: Why not, in our words.
        caller: Who it was, where that is known.
        name: Whom they said to be.
        shown: Whether they showed anything at all to get in; a visitor of a page who did not is counted apart.
    """
    service: Service = request.app.state.service
    about: dict[str, JSONValue] = {
        "attempt": what,
        "route": _route(request) if caller or what == "csrf" else "",
        "caller": _named(caller),
        "claimed": bounded(name),
        "address": service.system.accounts.masked_address(origins.address_of(request.scope)),
        "shown": shown,
        "reason": reason,
    }
    await to_thread.run_sync(record, service, about)


def record(service: Service, about: dict[str, JSONValue]) -> None:
    """Write an attempt to the log, or count it where the like stands there already.

    Whoever makes up names or addresses gains nothing: of attempts by nobody who is known, one kind makes one row.
    """
    flush(service)
    key = f"{about['attempt']}\0{about['caller']}\0{about['route']}\0{about['shown']}"
    if service.vault.increment(_RUNNING, key, WINDOW) == 1:
        service.vault.put(
            _PENDING, key, {"key": key, "about": about, "until": to_rfc3339(service.now() + WINDOW)}, _later(service)
        )
        service.system.accounts.turned_away(about)
    else:
        service.vault.increment(_MORE, key, timedelta(days=366))


def flush(service: Service, *, everything: bool = False) -> None:
    """Write the numbers of attempts whose window is over, or all; the service does so when it ends."""
    now = service.now()
    for one in service.vault.all(_PENDING):
        if not isinstance(one, dict) or not (everything or from_rfc3339(str(one["until"])) <= now):
            continue
        key, about = str(one["key"]), one["about"]
        if service.vault.take(_PENDING, key) is None or not isinstance(about, dict):
            continue
        more = service.vault.counted(_MORE, key)
        service.vault.reset(_MORE, key)
        if more:
            service.system.accounts.turned_away({**about, "claimed": "", "address": "", "more": more})


def bounded(text: str) -> str:
    """Return what is kept of a text that anybody may have sent: a short line of printable characters."""
    cut = "".join(character if character.isprintable() else "?" for character in text[:_TEXT])
    return cut.encode("utf-8", "replace").decode() + ("…" if len(text) > _TEXT else "")


def _named(caller: Caller | None) -> str:
    if caller is None:
        return ""
    # A subject's name goes nowhere but under the subject's own key, which an erasure destroys (rule L4).
    return caller.kind.value if caller.kind is Kind.SUBJECT else f"{caller.kind.value} {caller.name}"


def _later(service: Service) -> datetime:
    return service.now() + timedelta(days=365)


def _route(request: Request) -> str:
    return f"{request.method} {route_of(request.scope)}"
