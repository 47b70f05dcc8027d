"""Detection and redaction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.files import passed_over_below
from faceward.cli.footage import Kept, Order, redact_footage
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.progress import progress
from faceward.cli.tables import faces_table
from faceward.cli.words import faceless_sentence, passed_over_sentence, plural
from faceward.core.errors import BadInput, UsageError
from faceward.video.footage_names import is_footage

if TYPE_CHECKING:
    from faceward.core.reports import RedactionResult

# Said here again, so that `--help` need not load what hides faces.
MODES = ("blur", "pixelate", "fill")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("detect")(command(_detect))
    app.command("redact")(command(_redact))


def _detect(
    settings: Settings,
    *,
    image: Annotated[Path, typer.Argument(help="A picture.", readable=False)],
    pack: Annotated[Optional[str], typer.Option(help="Model pack.", show_default="the built-in one")] = None,
) -> None:
    """Find faces: boxes, five landmarks, quality components. Needs no deployment; stores nothing."""
    from faceward.standalone import detect
    from faceward.vision.packs import DEFAULT_PACK

    result = detect(image, pack=pack or DEFAULT_PACK)
    if settings.as_json:
        emit(result.to_json())
        return
    say(f"{result.picture}: {plural(len(result.faces), 'face')}, {result.width}x{result.height} pixels")
    faces_table(result.faces)


def _redact(
    settings: Settings,
    *,
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE|FOLDER", help="A picture, a folder of pictures, or footage.", readable=False),
    ],
    out: Annotated[
        Path,
        typer.Option("--output", "-o", help="A file or folder for a file, a folder for a folder.", readable=False),
    ],
    keep: Annotated[
        Optional[list[str]],
        typer.Option(metavar="SUBJECT", help="Leave this enrolled subject visible. Repeatable.", show_default=False),
    ] = None,
    purpose: Annotated[
        Optional[str], typer.Option(help="With --keep: the purpose of their references, where there are several.")
    ] = None,
    mandate: Annotated[
        Optional[str], typer.Option(metavar="DIGEST", help="With --keep: the mandate that covers it.")
    ] = None,
    mode: Annotated[str, typer.Option(metavar="|".join(MODES), help="How faces are hidden.")] = "pixelate",
    report: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="For footage: where to look at it, as .html or .json.", readable=False),
    ] = None,
) -> None:
    """Hide faces in pictures or footage, for good.

    Hiding everybody needs no deployment. To keep subjects visible they are recognised, under a purpose. The exit code
    is 4 if a picture could not be redacted, or footage not be read to its end.
    """
    if mode not in MODES:
        raise UsageError(f"--mode {mode!r} is unknown; give one of {', '.join(MODES)}")
    for option, value in (("--purpose", purpose), ("--mandate", mandate)):
        if not keep and value is not None:
            raise UsageError(f"{option} goes with --keep SUBJECT; without it everybody is hidden")
    if is_footage(source, out):
        redact_footage(settings, Order(source, out, mode, report), Kept(keep or (), purpose, mandate))
        return
    if report is not None:
        raise UsageError("--report goes with footage; pictures are looked at one by one")
    if keep:
        with settings.open() as system, progress(settings, "Redacting") as advance:
            result = system.redact(
                source, out, keep=keep, purpose=purpose, mandate=mandate, mode=mode, progress=advance
            )
    else:
        from faceward.standalone import redact

        with progress(settings, "Redacting") as advance:
            result = redact(source, out, mode=mode, progress=advance)
    _show(settings, replace(result, passed_over=passed_over_below(source)))


def _show(settings: Settings, result: RedactionResult) -> None:
    failed = [picture for picture in result.pictures if picture.error is not None]
    if settings.as_json:
        emit(result.to_json())
    elif len(result.pictures) > 1 or not failed:
        table(
            ("picture", "written to", "hidden#", "kept", "trouble"),
            [(p.picture, p.output, p.hidden, p.kept, p.error) for p in result.pictures],
            f"Redacted: {result.mode}",
        )
        if result.entry is not None:
            say(f"log entry {result.entry}")
    if not settings.as_json:
        _warn(result)
    if failed:
        only = failed[0].error if len(result.pictures) == 1 else None
        note(only or f"{plural(len(failed), 'picture')} of {len(result.pictures)} left out; the table says why")
        raise typer.Exit(BadInput.exit_code)


def _warn(result: RedactionResult) -> None:
    """Say what a glance at the table does not show: pictures without a face, and files that are in none of its rows."""
    faceless = [p.picture for p in result.pictures if p.error is None and not p.hidden and not p.kept]
    for sentence in (faceless_sentence(faceless), passed_over_sentence(result.passed_over)):
        if sentence:
            note(sentence)
