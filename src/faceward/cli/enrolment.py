"""Enrolling subjects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.files import (
    passed_over_in,
    passed_over_of_subjects,
    pictures_in,
    read_releases,
    releases_beside,
)
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.progress import progress
from faceward.cli.words import passed_over_sentence, plural
from faceward.core.errors import BadInput, PolicyRefusal, UsageError

if TYPE_CHECKING:
    from faceward.core.reports import EnrolmentResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enrol")(command(_enrol))


def _enrol(
    settings: Settings,
    *,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…|FOLDER", help="Pictures, or a folder.", readable=False)
    ],
    purpose: Annotated[str, typer.Option(help="A registered purpose.")],
    subject: Annotated[
        Optional[str], typer.Option(help="Whose face it is. Without it, one folder with a sub-folder a subject.")
    ] = None,
    release: Annotated[
        Optional[list[Path]],
        typer.Option(
            metavar="FILE", help="Signed release, TOML, JSON or CSV. Repeatable.", show_default=False, readable=False
        ),
    ] = None,
    gallery: Annotated[Optional[str], typer.Option(help="The gallery.", show_default="the purpose's name")] = None,
    entry: Annotated[
        Optional[str],
        typer.Option(metavar="REQUEST", help="The approved request for an entry on a watchlist.", show_default=False),
    ] = None,
    no_notice: Annotated[
        Optional[str],
        typer.Option(
            "--no-notice",
            metavar="REASON",
            help="Why no notice is written; docs/rights.md lists the reasons that the law knows.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Enrol a subject's pictures, or a folder with one sub-folder a subject.

    Without --release, the release.toml or release.json in each sub-folder is read. Of several
    pictures, the exit code is 0 if all are enrolled, 3 only if the policy refused all of those rejected, else 4.
    """
    if subject is None and (len(images) != 1 or not images[0].is_dir()):
        raise UsageError("name the subject with --subject, or give one folder that has a sub-folder for each subject")
    files = release or (releases_beside(images[0]) if subject is None else [])
    releases = read_releases(files)
    pictures = images if subject is None else pictures_in(images)
    with settings.open() as system, progress(settings, "Enrolling") as advance:
        from faceward.operations.grounds import Grounds

        grounds = Grounds(releases, entry, no_notice)
        result = system.enrol_on(grounds, pictures, subject=subject, purpose=purpose, gallery=gallery, progress=advance)
    passed_over = passed_over_of_subjects(images[0], files) if subject is None else passed_over_in(images)
    _show(settings, replace(result, passed_over=passed_over))


def _show(settings: Settings, result: EnrolmentResult) -> None:
    rejected = [sample for sample in result.samples if sample.outcome == "rejected"]
    if settings.as_json:
        emit(result.to_json())
    elif len(result.samples) > 1 or not rejected:
        _print(result)
    if result.passed_over and not settings.as_json:
        note(passed_over_sentence(result.passed_over))
    if rejected:
        only = rejected[0].reason if len(result.samples) == 1 else None
        note(only or f"{plural(len(rejected), 'picture')} of {len(result.samples)} rejected; the table says why")
        policy = all(sample.exit_code == PolicyRefusal.exit_code for sample in rejected)
        raise typer.Exit(PolicyRefusal.exit_code if policy else BadInput.exit_code)


def _print(result: EnrolmentResult) -> None:
    # Of many pictures only the troubles are worth a line each.
    shown = [s for s in result.samples if s.outcome == "rejected"] if len(result.samples) > 20 else result.samples
    if shown:
        table(
            ("picture", "subject", "outcome", "expires", "why", "log#"),
            [(s.picture, s.subject, s.outcome, s.expires and s.expires[:10], s.reason, s.entry) for s in shown],
            f"Gallery {result.gallery}, purpose {result.purpose}",
        )
    say(
        f"{result.count('enrolled'):,} enrolled, {result.count('already-enrolled'):,} already enrolled, "
        f"{result.count('rejected'):,} rejected."
    )
