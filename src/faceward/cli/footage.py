"""Redaction of footage: the part of `faceward redact` that is not about pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from faceward.cli.options import Settings
from faceward.cli.output import emit, note, say, table
from faceward.cli.progress import progress
from faceward.cli.words import enumerated, plural
from faceward.core.errors import BadInput

if TYPE_CHECKING:
    from faceward.core.footage_results import FootageResult


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; see `video.footage.Order`."""

    source: Path
    output: Path
    mode: str
    report: Path | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Who stays visible; see `operations.keeping.Keeping`."""

    subjects: Sequence[str]
    purpose: str | None
    mandate: str | None


def redact_footage(settings: Settings, order: Order, kept: Kept) -> None:
    """Redact footage and say where to look at it."""
    from faceward.video import footage

    asked = footage.Order(order.source, order.output, order.mode, order.report)
    if kept.subjects:
        from faceward.operations.keeping import Keeping

        keeping = Keeping(kept.subjects, kept.purpose, kept.mandate)
        with settings.open() as system, progress(settings, "Redacting") as advance:
            result = footage.redact_footage(asked, system.pipeline, system=system, keeping=keeping, progress=advance)
    else:
        with progress(settings, "Redacting") as advance:
            result = footage.redact_footage(asked, footage.default_pipeline(), progress=advance)
    _show(settings, result)
    if result.error is not None:
        note(result.error)
        raise typer.Exit(BadInput.exit_code)


def _show(settings: Settings, result: FootageResult) -> None:
    from faceward.core.footage_results import clock

    if settings.as_json:
        emit(result.to_json())
        return
    kept = f", kept visible: {enumerated(result.kept)}" if result.kept else ""
    say(
        f"{result.output}: {clock(result.seconds)}, {plural(result.frames, 'frame')}, "
        f"{plural(result.hidden, 'stay')} of faces hidden{kept}"
    )
    for line in result.left_out:
        say(f"left out: {line}")
    rows = [(clock(one.start), clock(one.end), one.says) for one in result.look_at]
    table(("from#", "to#", "look at it"), rows, "To be looked at before it is published")
    if result.more:
        say(f"and {plural(result.more, 'place')} more")
    if result.entry is not None:
        say(f"log entry {result.entry}")
    if not result.hidden and not result.kept:
        note(f"no face found in {result.footage}: look at it before publishing it")
