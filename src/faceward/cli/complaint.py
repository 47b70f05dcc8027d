"""Complaints: received, acknowledged, decided, each within its term (rule D1)."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.subject_rights import Due, show_matter, show_matters
from faceward.core.errors import UsageError

ComplaintArgument = Annotated[str, typer.Argument(metavar="COMPLAINT", help="The complaint, as listed.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    complaints = group("complaint", "Complaints of people, and the terms within which they are answered (rule D1).")
    complaints.command("add")(command(_add))
    complaints.command("acknowledge")(command(_acknowledge))
    complaints.command("decide")(command(_decide))
    complaints.command("list")(command(_list))
    app.add_typer(complaints)


def _add(
    settings: Settings,
    subject: Annotated[str, typer.Option(help="Who complains, enrolled or not.")],
    text: Annotated[str, typer.Option(help="What they say; sealed under their own key, gone with their erasure.")],
    reference: Annotated[Optional[str], typer.Option(help="The reference it is about.", show_default="all")] = None,
) -> None:
    """Record a complaint. Overdue, it suspends what it is about, whether or not a clock runs."""
    with settings.open() as system:
        matter = system.rights.complain(subject, text, reference=reference)
    show_matter(settings, matter)


def _acknowledge(settings: Settings, complaint: ComplaintArgument) -> None:
    """Note that the subject was told that the complaint came."""
    with settings.open() as system:
        matter = system.rights.acknowledge(complaint)
    show_matter(settings, matter)


def _decide(
    settings: Settings,
    complaint: ComplaintArgument,
    reason: Annotated[str, typer.Option(help="Why, as the subject is told.")],
    upheld: Annotated[
        bool, typer.Option("--upheld", help="The subject is right; what it is about is suspended.")
    ] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="The subject is not right.")] = False,
) -> None:
    """Decide a complaint, either way."""
    if upheld == rejected:
        raise UsageError("give either --upheld or --rejected")
    with settings.open() as system:
        matter = system.rights.decide(complaint, upheld=upheld, reason=reason)
    show_matter(settings, matter)


def _list(settings: Settings, due: Due = False) -> None:
    """List complaints with the day by which the next step is to be done."""
    with settings.open() as system:
        matters = system.rights.complaints(due=due)
    show_matters(settings, "complaints", matters)
