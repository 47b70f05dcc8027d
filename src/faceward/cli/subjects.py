"""What subjects have a right to: to see, to take along, to be told, to be forgotten."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli import subject_rights
from faceward.cli.files import keep_receipt, optional_output
from faceward.cli.log_table import log_table
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, print_text, say, table
from faceward.cli.words import clean, plural
from faceward.core.errors import UsageError

SubjectArgument = Annotated[str, typer.Argument(metavar="SUBJECT", help="The subject, as enrolled.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    subjects = group("subject", "What is held about a subject: to see, export and erase.")
    subjects.command("show")(command(_show))
    subjects.command("export")(command(_export))
    subjects.command("notice")(command(_notice))
    subjects.command("erase")(command(_erase))
    subject_rights.extend(subjects)
    app.add_typer(subjects)


def _show(settings: Settings, subject: SubjectArgument) -> None:
    """Show a subject's references and what the log tells of them."""
    with settings.open() as system:
        view = system.subject(subject)
    if settings.as_json:
        emit(view.to_json())
        return
    table(
        ("reference", "gallery", "purpose", "created", "expires", "pack"),
        [(r.reference, r.gallery, r.purpose, r.created[:10], r.expires[:10], r.pack) for r in view.references],
        f"{plural(len(view.references), 'reference')} of {clean(view.subject)}",
    )
    log_table(view.history, "History")


def _export(
    settings: Settings,
    subject: SubjectArgument,
    out: Annotated[
        Optional[Path],
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER|FILE",
            help="Write a copy to read and to check: a new folder, or a file ending in .zip. Any other ending: JSON.",
            show_default="JSON on standard output",
            readable=False,
        ),
    ] = None,
) -> None:
    """Export what is held about a subject, to read and to check, or as JSON. Features are never exported."""
    if out is not None and (out.suffix in ("", ".zip") or out.is_dir()):
        _export_package(settings, subject, out)
        return
    with optional_output(out) as file, settings.open() as system:
        exported = system.export(subject)
        if file is None:
            emit(exported)
            return
        file.write(json.dumps(exported, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    _written(settings, subject, out)


def _export_package(settings: Settings, subject: str, out: Path) -> None:
    from faceward.cli.packages import check_target, write_file, write_package
    from faceward.operations.access import zipped

    check_target(out)
    with settings.open() as system:
        contents = system.rights.access(subject)
    if out.suffix == ".zip":
        write_file(out, zipped(contents))
    else:
        write_package(out, contents)
    _written(settings, subject, out)


def _written(settings: Settings, subject: str, out: Path | None) -> None:
    if settings.as_json:
        emit({"subject": subject, "output": str(out)})
    else:
        say(f"written to {out}")


def _notice(settings: Settings, subject: SubjectArgument) -> None:
    """Print the notices that a subject is to be given."""
    with settings.open() as system:
        notices = system.notice(subject)
    if settings.as_json:
        emit({"subject": subject, "notices": list(notices)})
    else:
        print_text("\n\n".join(notices))


def _erase(
    settings: Settings,
    subject: SubjectArgument,
    receipt: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Write the receipt for the subject to this file.", readable=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Erase a subject: destroy the keys of all references, so that no copy of the database can be opened for them."""
    if not yes:
        _confirm(subject)
    # The file is opened first: a receipt that has nowhere to go must stop the erasure, not follow it.
    with optional_output(receipt) as file, settings.open() as system:
        result = system.erase(subject)
        written = keep_receipt(file, result.receipt, "the subject was erased")
    if settings.as_json:
        emit(result.to_json())
        return
    say(f"erased: {plural(result.references, 'reference')} of {result.subject}, log entry {result.entry}")
    if written:
        say(f"receipt written to {receipt}")
    else:
        print_text(result.receipt)


def _confirm(subject: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("erasing cannot be undone; add --yes where nobody can be asked")
    # Not Typer's own prompt, which also writes to standard output, where only results belong.
    sys.stderr.write(f"Erase all references of {clean(subject)}? This cannot be undone. [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not confirmed; nothing was erased")
