"""How often somebody may try to get in, and what the log says of those who were turned away (rule K2)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from anyio import to_thread

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.service.callers import Kind
from faceward.service.errors import Busy
from faceward.service.middleware import route_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from faceward.service.callers import Caller
    from faceward.service.state import Service

WINDOW = timedelta(minutes=10)
"""Of attempts of one kind the log has the first, and then one entry in so long, with their number."""

MOST_BEGUN = 300
"""Attempts that may begin within a minute from one network."""

_MEMORY, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_PENDING, _RUNNING, _MORE = "denied-pending", "denied-running", "denied-more"
_TEXT = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and how long somebody waits after more: twice as long each time.

    Attributes:
        free: Failures within an hour that cost nothing.
        longest: The longest wait.
    """

    free: int
    longest: timedelta

    def wait(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures."""
        if failures <= self.free:
            return timedelta(0)
        return min(self.longest, timedelta(seconds=1 << min(failures - self.free - 1, 20)))


ADDRESS = Limit(10, timedelta(minutes=15))
# Nobody can lock somebody else out for long by failing in their name.
PERSON = Limit(5, timedelta(minutes=1))


def check(service: Service, address: str, person: str = "") -> None:
    """Check that somebody may try to sign in now.

    Raises:
        Busy: They failed too often; it says when they may.
    """
    for kind, name in _keys(address, person):
        until = service.vault.get(f"wait-{kind}", name)
        if isinstance(until, str):
            left = (from_rfc3339(until) - service.now()).total_seconds()
            raise Busy(max(1, round(left + 0.5)), "too many attempts to sign in failed; wait, then try again")


def begun(service: Service, address: str) -> None:
    """Count an attempt to get in that has begun, which the service remembers for some minutes.

    Raises:
        Busy: Too many began from there within a minute.
    """
    if service.vault.increment("begun", address, _MINUTE) > MOST_BEGUN:
        raise Busy(int(_MINUTE.total_seconds()), "too many attempts to sign in began; wait, then try again")


def failed(service: Service, address: str, person: str = "") -> None:
    """Count a failure to sign in, for the address and the person."""
    for kind, name in _keys(address, person):
        failures = service.vault.increment(f"failed-{kind}", name, _MEMORY)
        wait = (ADDRESS if kind == "address" else PERSON).wait(failures)
        if wait:
            until = service.now() + wait
            service.vault.put(f"wait-{kind}", name, to_rfc3339(until), until)


def succeeded(service: Service, person: str) -> None:
    """Forget the failures of a person who signed in; those of an address pass with time."""
    service.vault.reset("failed-person", person)


def _keys(address: str, person: str) -> list[tuple[str, str]]:
    return [("address", address), *([("person", person)] if person else [])]


def address_of(request: Request) -> str:
    """Return the caller's network: an IPv4 address, or the /64 of an IPv6 address, which one household has."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


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
        "address": service.system.accounts.masked_address(address_of(request)),
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
