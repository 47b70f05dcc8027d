"""Release files for subjects to sign."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.files import keep_receipt, optional_output
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, print_text, say
from faceward.cli.words import plural
from faceward.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    releases = group("release", "Releases that subjects sign (rule C1).")
    releases.command("template")(command(_template))
    releases.command("import")(command(_import))
    releases.command("withdraw")(command(_withdraw))
    app.add_typer(releases)


def _template(
    settings: Settings,
    subject: Annotated[str, typer.Option(help="The subject, as will be enrolled.")],
    purpose: Annotated[str, typer.Option(help="The purpose, as registered.")],
    term: Annotated[str, typer.Option(help="How long the release lasts, from today: 90d, 12m, 1y.")] = "365d",
    alternative: Annotated[
        str, typer.Option(help="The way without face recognition that the subject is offered; the statement names it.")
    ] = "",
) -> None:
    """Print a release file to fill in: the day of signature, and where the signed original is kept.

    Needs no deployment. Until the day is written, no enrolment accepts the file.
    """
    from faceward.core.clock import SystemClock
    from faceward.core.duration import parse_duration
    from faceward.core.names import check_name
    from faceward.policy.release_files import render_release

    try:
        span = parse_duration(term)
    except ValueError as error:
        raise UsageError(f"--term: {error}") from None
    until = SystemClock().now().date() + max(span, timedelta(days=1))
    text = render_release(check_name(subject, "subject"), check_name(purpose, "purpose"), until, alternative)
    if settings.as_json:
        emit({"file": text})
    else:
        print_text(text)


def _import(
    settings: Settings,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Release files: .csv for many, or .toml or .json.", readable=False),
    ],
) -> None:
    """Put releases on file, so that programs enrol subjects by their names alone (rule C1)."""
    from faceward.cli.files import read_releases

    given = read_releases(files)
    with settings.open() as system:
        result = system.releases.add(given)
    if settings.as_json:
        emit(result.to_json())
        return
    say(f"on file: {plural(result.added, 'release')}; {result.known} were there already, {result.passed} had ended")


def _withdraw(
    settings: Settings,
    subject: Annotated[str, typer.Option(help="Who withdraws.")],
    purpose: Annotated[str, typer.Option(help="The purpose that is no longer agreed to.")],
    receipt: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Write the receipt for the subject to this file.", readable=False),
    ] = None,
) -> None:
    """Withdraw a subject's releases for a purpose: nothing that rests on them is compared any more (rule C2)."""
    # The file is opened first: a receipt that has nowhere to go must stop the withdrawal, not follow it.
    with optional_output(receipt) as file, settings.open() as system:
        result = system.rights.withdraw(subject, purpose)
        written = keep_receipt(file, result.receipt, "the release was withdrawn")
    if settings.as_json:
        emit(result.to_json())
        return
    erased = plural(result.references, "reference")
    say(f"withdrawn: {result.subject} for {result.purpose}; {erased} erased, log entry {result.entry}")
    if written:
        say(f"receipt written to {receipt}")
    else:
        print_text(result.receipt)
