"""Gates: a traveller against the document in hand, and against the gallery of one departure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, say
from faceward.cli.recognition import Mandate


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(command(_gate))


def _gate(
    settings: Settings,
    *,
    camera: Annotated[str, typer.Option(metavar="NAME", help="The gate's camera, with a zone to look at.")],
    document: Annotated[Path, typer.Option(metavar="PHOTO", help="The document's photograph.", readable=False)],
    gallery: Annotated[str, typer.Option(metavar="NAME", help="The gallery of the departure.")],
    purpose: Annotated[str, typer.Option(help="A registered purpose.")],
    mandate: Mandate = None,
    wait: Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for a traveller, at most.")] = 60.0,
) -> None:
    """Compare one traveller with a document and a departure's gallery; nothing of the traveller is stored.

    The gate opens, or a person at the counter looks at the document: either is an answer, and the exit code is 0.
    """
    from faceward.operations.gate import GateRequest
    from faceward.protection.process import forbid_dumps
    from faceward.video.gate_lane import Conduct, pass_through

    # Before anything is opened: what a crash leaves on disk must hold no face and nothing of the gallery.
    forbid_dumps()
    with settings.open() as system:
        answer = pass_through(system, GateRequest(camera, document, gallery, purpose, mandate), Conduct(wait))
    if settings.as_json:
        emit(answer.to_json())
    else:
        say(f"{answer.decision}: {answer.sentence}")
        if answer.entries:
            say(f"log entries {', '.join(map(str, answer.entries))}")
