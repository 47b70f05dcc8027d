"""Mandates: the authority to search."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, table
from faceward.cli.requests import Digest, Message, Signature, brought, carrier, report, show, tell
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.operations.requests import Brought


def register(app: typer.Typer) -> None:
    """Add the commands."""
    mandates = group("mandate", "The authority to search: who, where, until when, how often (rules P2, P7).")
    mandates.command("request")(command(_request))
    mandates.command("approve")(command(_approve))
    mandates.command("refuse")(command(_refuse))
    mandates.command("revoke")(command(_revoke))
    mandates.command("show")(command(_show))
    mandates.command("list")(command(_list))
    app.add_typer(mandates)


def _request(
    settings: Settings,
    *,
    purpose: Annotated[str, typer.Option(help="A registered purpose.")],
    gallery: Annotated[list[str], typer.Option(help="A gallery that may be searched; repeatable.")],
    place: Annotated[str, typer.Option(help="Where the people are looked for.")],
    case: Annotated[str, typer.Option(help="The case number.")],
    basis: Annotated[str, typer.Option(help="The legal basis, in words.")],
    until: Annotated[str, typer.Option(help="When it ends: a day (its end, UTC), a moment, or a term such as 7d.")],
    searches: Annotated[int, typer.Option(help="How many times it may be used.")],
    operator: Annotated[list[str], typer.Option("--operator", help="Who may use it, by name; repeatable.")],
    operation: Annotated[
        Optional[list[str]], typer.Option(help="What may be done, such as watch; repeatable.", show_default="identify")
    ] = None,
    camera: Annotated[
        Optional[list[str]],
        typer.Option(help="A camera whose pictures are searched with; repeatable.", show_default="no named camera"),
    ] = None,
    starts: Annotated[
        Optional[str], typer.Option("--from", help="When it starts: a day (UTC) or a moment.", show_default="now")
    ] = None,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="Use it before it is approved, as long as the standard lets (rule P7).")
    ] = False,
    recipient: Annotated[str, typer.Option(help="Who receives what leaves the system under it (rule S4).")] = "",
) -> None:
    """Ask for a mandate, and print its digest. Another person approves it."""
    from faceward.core.clock import SystemClock
    from faceward.core.names import check_name
    from faceward.policy.mandates import Mandate

    now = SystemClock().now()
    begin = now if starts is None else parse_moment(starts, "--from")
    mandate = Mandate(
        purpose=check_name(purpose, "purpose"),
        operations=tuple(operation or ("identify",)),
        galleries=tuple(check_name(name, "gallery") for name in gallery),
        cameras=tuple(check_name(name, "camera") for name in camera or ()),
        place=place.strip(),
        case=case.strip(),
        basis=basis.strip(),
        starts=begin,
        until=_end(until, begin),
        searches=searches,
        operators=tuple(check_name(name, "operator") for name in operator),
        urgent=urgent,
        recipient=recipient.strip(),
    ).checked()
    with settings.open() as system:
        asked = system.mandates.request(mandate)
    tell(settings, asked)


def _end(text: str, begin: datetime) -> datetime:
    from faceward.core.duration import parse_duration

    try:
        return begin + parse_duration(text)
    except ValueError:
        return parse_moment(text, "--until", end=True)
    except OverflowError:
        raise UsageError(f"--until: {text!r} lies beyond every calendar; choose a nearer end") from None


def parse_moment(text: str, option: str, *, end: bool = False) -> datetime:
    """Read a day or a moment.

    Args:
        text: `2026-06-30`, or `2026-06-30T18:00+02:00`; without a zone it is UTC.
        option: For the message.
        end: Whether a day means its end instead of its beginning.

    Raises:
        UsageError: It is neither.
    """
    try:
        if len(text) <= len("2026-06-30"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if end else day
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {text!r} is no day or moment; write 2026-06-30 or 2026-06-30T18:00Z") from None


def _approve(settings: Settings, *, digest: Digest, signature: Signature = None, message: Message = None) -> None:
    """Approve a mandate that somebody else asked for."""
    _decide(settings, digest, "approve", brought(signature, message))


def _refuse(settings: Settings, *, digest: Digest, signature: Signature = None, message: Message = None) -> None:
    """Refuse a mandate: it is void at once, and the cases it led to are deleted (rule P7)."""
    _decide(settings, digest, "refuse", brought(signature, message))


def _decide(settings: Settings, digest: str, decision: str, signed: Brought | None) -> None:
    from faceward.policy.requests import Decision

    with carrier(settings, signed).open() as system:
        found = system.mandates.decide(digest, Decision(decision), signed)
    report(settings, found)


def _revoke(
    settings: Settings,
    *,
    digest: Digest,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it goes to the log.")],
) -> None:
    """Revoke a mandate at once: whoever asked for it, or an approver."""
    with settings.open() as system:
        found = system.mandates.revoke(digest, reason)
    report(settings, found)


def _show(
    settings: Settings,
    *,
    digest: Digest,
    out: Annotated[
        Optional[Path],
        typer.Option("--out", metavar="DIR", help="Write what 'ssh-keygen -Y verify' needs.", show_default=False),
    ] = None,
) -> None:
    """Show a mandate: what it allows, who signed it, how often it was used, and how an outsider checks it."""
    with settings.open() as system:
        found = system.mandates.show(digest)
    show(settings, found, out)


def _list(settings: Settings) -> None:
    """List mandates, oldest first."""
    with settings.open() as system:
        found = system.mandates.listed()
    if settings.as_json:
        emit({"mandates": [mandate.to_json() for mandate in found]})
        return
    table(
        ("digest", "case", "purpose", "by", "until", "searches#", "made#", "state"),
        [
            (m.digest[:12], m.body["case"], m.body["purpose"], m.requester, m.expires[:16], m.body["searches"], m.spent,
             m.state)
            for m in found
        ],
    )  # fmt: skip
