"""Watchlists: who is entered, by two people, and that every entry is looked at again each month."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.files import pictures_in
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, pairs, say, table
from faceward.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    watchlists = group("watchlist", "Galleries of people who were not asked (rules E1 and E3).")
    watchlists.command("request")(command(_request))
    watchlists.command("show")(command(_show))
    watchlists.command("due")(command(_due))
    watchlists.command("review")(command(_review))
    app.add_typer(watchlists)


def _request(
    settings: Settings,
    *,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="The pictures to enrol.", readable=False)],
    subject: Annotated[str, typer.Option(help="Whom they show.")],
    purpose: Annotated[str, typer.Option(help="A registered purpose.")],
    source: Annotated[str, typer.Option(help="Where the pictures come from.")],
    evidence: Annotated[str, typer.Option(help="Why the person is entered, and where the proof is kept.")],
    gallery: Annotated[Optional[str], typer.Option(help="The gallery.", show_default="the purpose's name")] = None,
    born: Annotated[Optional[str], typer.Option(help="The stated day of birth: 2001-05-31.")] = None,
    age: Annotated[Optional[int], typer.Option(help="The stated age in years.")] = None,
    vulnerable: Annotated[bool, typer.Option("--vulnerable", help="The person is stated to be vulnerable.")] = False,
    safeguarding: Annotated[
        bool, typer.Option("--safeguarding", help="The entry serves the person's own protection.")
    ] = False,
) -> None:
    """Ask for somebody to be entered on a watchlist; another person approves it with 'request approve'.

    Then 'enrol --entry' enrols these pictures and no others. Who approved it cannot be the one who enrols.
    """
    from faceward.core.canonical import sha256_hex
    from faceward.policy.watchlist import Particulars
    from faceward.vision.images import read_file

    particulars = Particulars(
        subject=subject,
        purpose=purpose,
        gallery=gallery or purpose,
        source=source,
        evidence=evidence,
        samples=tuple(sha256_hex(read_file(picture)) for picture in pictures_in(images)),
        born=None if born is None else _day(born),
        stated_age=age,
        vulnerable=vulnerable,
        safeguarding=safeguarding,
    )
    with settings.open() as system:
        asked = system.rights.request_entry(particulars)
    if settings.as_json:
        emit(asked.to_json())
    else:
        say(f"request {asked.digest}: {asked.state}")
        say(f"another person approves it: faceward request approve {asked.digest[:12]} --as NAME --key FILE")


def _show(
    settings: Settings,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's digest, or its first digits.")],
) -> None:
    """Show whom a request would enter on a watchlist, and why; read it before you approve."""
    with settings.open() as system:
        found = system.rights.entry(request)
    if found is None:
        raise UsageError("the subject of this request was erased, and what was said of them with it")
    shown = {"subject": found.subject, "purpose": found.purpose, "gallery": found.gallery, **found.to_json()}
    if settings.as_json:
        emit(shown)
    else:
        pairs({name.replace("_", " "): value for name, value in shown.items()}, "Entry on a watchlist")


def _due(settings: Settings) -> None:
    """List the references of watchlists that are to be looked at again, or should have been."""
    with settings.open() as system:
        found = [one for one in system.rights.due() if one.what == "review"]
    if settings.as_json:
        emit({"reviews": [one.to_json() for one in found]})
        return
    table(("reference", "by", "overdue"), [(one.identifier, f"{one.deadline:%Y-%m-%d}", one.overdue) for one in found])


def _review(
    settings: Settings,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The reference's identifier.")],
    reason: Annotated[str, typer.Option(help="Why it stays, in a sentence.")],
) -> None:
    """Record that a reference was looked at and stays; one that is not needed is to be erased instead."""
    with settings.open() as system:
        system.rights.review(reference, reason)
    if settings.as_json:
        emit({"reference": reference, "reviewed": True})
    else:
        say(f"reviewed: {reference}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"--born {text!r} is no day; write it as 2001-05-31") from None
