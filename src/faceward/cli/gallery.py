"""The end of a gallery, at which it is destroyed (rule W3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, say
from faceward.core.errors import UsageError


def extend(galleries: typer.Typer) -> None:
    """Add the command to the group `gallery`."""
    galleries.command("end")(command(_end))


def _end(
    settings: Settings,
    *,
    gallery: Annotated[str, typer.Argument(help="The gallery.")],
    at: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="When it is destroyed: 2026-12-31T18:00+01:00, or a term from now such as 8h or 30d."
        ),
    ],
) -> None:
    """Give a gallery an end, or an earlier one; it is never put off. At the end every reference is destroyed.

    Nothing is watched for a list without an end. Keep 'faceward run' or 'faceward tick' going: it destroys on time.
    """
    from faceward.core.clock import to_rfc3339

    wanted = _moment(at)
    with settings.open() as system:
        ends = to_rfc3339(system.end_gallery(gallery, wanted))
    if settings.as_json:
        emit({"gallery": gallery, "ends": ends})
    else:
        say(f"the gallery {gallery!r} ends on {ends}; then every reference in it is destroyed")


def _moment(text: str) -> datetime:
    from faceward.core.clock import from_rfc3339
    from faceward.core.duration import parse_duration

    try:
        return from_rfc3339(text.strip())
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) + parse_duration(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--at {text[:60]!r} is no moment; write one with its time zone such as 2026-12-31T18:00+01:00, or a term "
            "such as 8h or 30d"
        ) from None
