"""The card of a model pack, with or without a deployment that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, table


def register(packs: typer.Typer) -> None:
    """Add the command to those on packs."""
    packs.command("card")(command(_card))


def _card(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="A pack.")],
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder that it is written to.", readable=False)
    ],
) -> None:
    """Write a pack's model card: licence, files, calibration, and how often it was measured to err."""
    from faceward.core.clock import SystemClock
    from faceward.operations.documents import make_pack_card
    from faceward.standalone import pipeline

    made = make_pack_card(pipeline(name), folder, SystemClock().now())
    if settings.as_json:
        emit({"files": [{"path": file.path, "sha256": file.sha256} for file in made]})
    else:
        table(("file", "SHA-256"), [[file.path, file.sha256] for file in made])
