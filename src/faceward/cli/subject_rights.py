"""What subjects ask for, and what is done for them or to them: commands of the group `subject`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, print_text, say, table
from faceward.cli.words import clean
from faceward.core.errors import UsageError
from faceward.policy.rights import RequestKind

if TYPE_CHECKING:
    from faceward.core.rights_results import Matter

SubjectArgument = Annotated[str, typer.Argument(metavar="SUBJECT", help="The subject, as enrolled.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence; it goes to the log, under the subject's own key.")]
_ORIGIN = "http://localhost:8000"
Due = Annotated[bool, typer.Option("--due", help="Only what is overdue or due within a week.")]


def extend(subjects: typer.Typer) -> None:
    """Add the commands to the group."""
    subjects.command("suspend")(command(_suspend))
    subjects.command("resume")(command(_resume))
    subjects.command("request")(command(_request))
    subjects.command("requests")(command(_requests))
    subjects.command("answer")(command(_answer))
    subjects.command("adverse")(command(_adverse))
    subjects.command("link")(command(_link))


def _suspend(settings: Settings, subject: SubjectArgument, reason: Reason) -> None:
    """Suspend a subject's references: they are kept and compared with nobody."""
    with settings.open() as system:
        changed = system.rights.suspend(subject, reason)
    if settings.as_json:
        emit({"subject": subject, "suspended": True, "changed": changed})
    else:
        say(f"{subject} is suspended" if changed else f"{subject} was suspended already")


def _resume(settings: Settings, subject: SubjectArgument, reason: Reason) -> None:
    """End a subject's suspension. An overdue complaint goes on suspending until it is decided."""
    with settings.open() as system:
        changed = system.rights.resume(subject, reason)
    if settings.as_json:
        emit({"subject": subject, "suspended": False, "changed": changed})
    else:
        say(f"the suspension of {subject} is over" if changed else f"{subject} was not suspended")


def _request(
    settings: Settings,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Who asks.")],
    kind: Annotated[RequestKind, typer.Option(help="What is asked for.")],
    text: Annotated[str, typer.Option(help="What the subject said.")] = "",
) -> None:
    """Record what a subject asks for, to be answered within a month (GDPR Art. 12)."""
    with settings.open() as system:
        matter = system.rights.ask(subject, kind, text)
    show_matter(settings, matter)


def _requests(settings: Settings, due: Due = False) -> None:
    """List what subjects asked for, with the day by which it is to be answered."""
    with settings.open() as system:
        matters = system.rights.requests(due=due)
    show_matters(settings, "requests", matters)


def _answer(
    settings: Settings,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The request, as listed.")],
    text: Annotated[str, typer.Option(help="How it was answered.")],
    rejected: Annotated[
        bool, typer.Option("--rejected", help="It was not granted; an objection then keeps nobody out any more.")
    ] = False,
) -> None:
    """Note how a subject's request was answered."""
    with settings.open() as system:
        matter = system.rights.answer(request, text, rejected=rejected)
    show_matter(settings, matter)


def _adverse(
    settings: Settings,
    *,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The person, enrolled or not.")],
    action: Annotated[str, typer.Option(help="What was done, for example 'asked to leave the shop'.")],
    place: Annotated[str, typer.Option(help="Where.")],
    time: Annotated[str, typer.Option(help="When, in UTC: 2026-01-31T14:30.")],
    contact: Annotated[str, typer.Option(help="Who answers for it.", show_default="the deployment's contact")] = "",
    case: Annotated[str, typer.Option(help="The case it rests on; needed where the standard asks for reviewers.")] = "",
) -> None:
    """Write the notice of something done to a person after a match (rule D2); nothing here does it."""
    when = _moment(time)
    with settings.open() as system:
        result = system.rights.adverse(subject, (action, place, when), contact, case=case)
    if settings.as_json:
        emit(result.to_json())
    else:
        print_text(result.notice)


def _link(
    settings: Settings,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="For whom; check who they are first.")],
    origin: Annotated[str, typer.Option(metavar="URL", help="Where browsers find the service.")] = _ORIGIN,
    term: Annotated[str, typer.Option(help="How long it can be used: 2h, 1d, at most 7d.")] = "1d",
) -> None:
    """Make a link, to be used once, by which a subject sees what is held about them and uses their rights.

    Whoever has the link is taken for the subject. It is shown once; hand it over to nobody else.
    """
    from faceward.core.clock import SystemClock, to_rfc3339
    from faceward.core.duration import parse_duration
    from faceward.service.settings import Settings as ServiceSettings
    from faceward.service.subject_links import make
    from faceward.service.vault import FILE, Vault

    try:
        span = parse_duration(term)
    except ValueError as error:
        raise UsageError(f"--term: {error}") from None
    seen = ServiceSettings(origin=origin).origin
    with settings.open() as system:
        vault = Vault(system.home / FILE, system.service_secret(), SystemClock())
        try:
            link = make(system, vault, subject, span)
        finally:
            vault.close()
    address, until = link.address(seen), to_rfc3339(link.until)
    if settings.as_json:
        emit({"subject": link.subject, "link": address, "until": until, "entry": link.entry})
    else:
        print_text(f"{address}\n\nFor {clean(link.subject)} alone, once, until {until[:16].replace('T', ' ')} UTC.")


def show_matter(settings: Settings, matter: Matter) -> None:
    """Print a complaint or a request."""
    if settings.as_json:
        emit(matter.to_json())
        return
    until = f", next step by {matter.deadline[:10]}" if matter.deadline else ""
    say(f"{matter.kind} {matter.identifier} of {matter.subject}: {matter.state}{until}")


def show_matters(settings: Settings, name: str, matters: Sequence[Matter]) -> None:
    """Print complaints or requests."""
    if settings.as_json:
        emit({name: [matter.to_json() for matter in matters]})
        return
    table(
        ("id", "kind", "subject", "state", "received", "next step by", "overdue", "text"),
        [
            (
                m.identifier,
                m.kind,
                m.subject,
                m.state,
                m.received[:10],
                m.deadline and m.deadline[:10],
                m.overdue,
                m.text,
            )
            for m in matters
        ],
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"--time {text!r} is no moment; write it as 2026-01-31T14:30, in UTC") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
