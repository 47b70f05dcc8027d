"""Tables that several commands print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceward.cli.output import table

if TYPE_CHECKING:
    from faceward.core.results import FaceReport


def faces_table(faces: Sequence[FaceReport]) -> None:
    """Print the faces, one a column, with their quality components."""
    if not faces:
        return
    names = list(dict.fromkeys(name for face in faces for name in face.quality.components))
    rows: list[Sequence[object]] = [
        ["box", *(place(face) for face in faces)],
        ["confidence", *(f"{face.face.confidence:.3f}" for face in faces)],
        *[[name.replace("_", " "), *(face.quality.components.get(name) for face in faces)] for name in names],
    ]
    table(("quality", *(f"face {number}#" for number in range(1, len(faces) + 1))), rows)


def place(face: FaceReport) -> str:
    """Say where a face is: the corners of its box in pixels."""
    box = face.face.box
    return f"{box.x0:.0f},{box.y0:.0f} to {box.x1:.0f},{box.y1:.0f}"
