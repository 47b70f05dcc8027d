"""The form by which a mandate is asked for: what can be chosen, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from starlette.datastructures import FormData

from faceward.core.clock import from_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.operations.system import System
from faceward.policy.mandates import Mandate
from faceward.service import bodies

_USUAL = timedelta(days=7)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Blank:
    """What the form offers.

    Attributes:
        purposes: Names of purposes.
        galleries: Galleries, and the purpose of each.
        operators: Who may be named.
        me: Who asks.
        purpose: The purpose that is chosen at first.
        gallery: The gallery that is chosen at first.
        starts: From when, unless a day is chosen: the moment of the form, which stays the same while it is signed.
        first: The first day that may be chosen.
        last: The last day that the standard allows.
        until: The day that is chosen at first.
        searches: Most searches that the standard allows.
        urgent: For how many hours an urgent mandate may be used before its approval; 0 where never.
        needed: Whether the standard asks for mandates at all.
    """

    purposes: tuple[str, ...]
    galleries: Mapping[str, str | None]
    operators: tuple[str, ...]
    me: str
    purpose: str
    gallery: str
    starts: datetime
    first: date
    last: date
    until: date
    searches: int
    urgent: int
    needed: bool


def blank(system: System, me: str, chosen: tuple[str, str], now: datetime) -> Blank:
    """Return the form as it is before anything is filled in.

    Args:
        system: The deployment.
        me: Who asks.
        chosen: The purpose and the gallery that are chosen at first, or nothing.
        now: The current time, UTC.
    """
    limits = system.mandates.limits
    people = system.people.listed()
    last = (now + limits.longest - timedelta(days=1)).date()
    return Blank(
        purposes=tuple(known.name for known in system.purposes()),
        galleries=system.gallery_purposes(),
        operators=tuple(one.name for one in people if "operator" in one.roles),
        me=me,
        purpose=chosen[0],
        gallery=chosen[1],
        starts=now,
        first=now.date(),
        last=max(last, now.date()),
        until=min(max(last, now.date()), (now + _USUAL).date()),
        searches=limits.searches,
        urgent=limits.urgent // _HOUR,
        needed=bool(limits.required),
    )


def asked_mandate(data: FormData, now: datetime) -> Mandate:
    """Return the mandate that a filled-in form asks for.

    Args:
        data: The form.
        now: The current time, UTC.

    Raises:
        UsageError: Something is missing, or is none.
    """
    starts = _moment(bodies.text(data, "starts", ""), now)
    first = bodies.text(data, "from", "")
    if first and _day(first) > starts.date():
        starts = datetime.combine(_day(first), time(), UTC)
    until = datetime.combine(_day(bodies.text(data, "until")), time(), UTC) + timedelta(days=1)
    return Mandate(
        purpose=check_name(bodies.text(data, "purpose"), "purpose"),
        operations=("identify",),
        galleries=_names(data, "gallery"),
        cameras=tuple(check_name(one.strip(), "camera") for one in bodies.text(data, "cameras", "").split(",") if one),
        place=bodies.text(data, "place").strip(),
        case=bodies.text(data, "case").strip(),
        basis=bodies.text(data, "basis").strip(),
        starts=starts,
        until=until,
        searches=_number(bodies.text(data, "searches")),
        operators=_names(data, "operator"),
        urgent=bodies.text(data, "urgent", "") == "yes",
        recipient=bodies.text(data, "recipient", "").strip(),
    ).checked()


def _names(data: FormData, field: str) -> tuple[str, ...]:
    return tuple(check_name(str(one), field) for one in data.getlist(field) if one)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no day; write it as 2027-12-31") from None


def _moment(text: str, now: datetime) -> datetime:
    """Return the moment at which the form was shown, where it says one that was lately."""
    try:
        shown = from_rfc3339(text)
    except ValueError:
        return now
    return shown if now - timedelta(hours=12) <= shown <= now else now


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise UsageError(f"{text[:40]!r} is no number of searches; write a whole number")
    return int(text)
