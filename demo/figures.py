"""Pictures and scales as inline SVG, so that the report needs nothing from elsewhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from faceward.core.errors import BadInput
from faceward.core.faces import LANDMARK_NAMES, Box
from faceward.core.results import FaceReport, Threshold
from faceward.vision.images import Picture, decode, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

_LEFT, _RIGHT, _WIDTH = 8, 252, 260


@dataclass(frozen=True, slots=True)
class Mark:
    """A face to draw: where it is, what to write above it, and `good`, `unknown` or `bad`."""

    face: FaceReport
    label: str
    kind: str


def _embedded(picture: Picture, side: int) -> str:
    image = Image.fromarray(picture.pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=84)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def photograph(path: Path, marks: Sequence[Mark], description: str, side: int = 480, focus: Box | None = None) -> str:
    """Draw a picture with boxes and landmarks.

    Args:
        path: The picture; its coordinates are those of the library's results.
        marks: Faces in it.
        description: What to say to somebody who cannot see it.
        side: Longest side of the embedded image in pixels.
        focus: A face to show from near; the whole picture if None.
    """
    try:
        picture = decode(read_file(path), path.name, ANALYSIS_PIXELS)
    except BadInput:
        return f'<p class="soft">{escape(description)}: no picture to show</p>'
    width, height = picture.width, picture.height
    left, top, across, down = (0.0, 0.0, width, height) if focus is None else _near(focus, width, height)
    drawn = "".join(_mark(mark, width, height) for mark in marks)
    return (
        f'<svg class="photo" viewBox="{left:.0f} {top:.0f} {across:.0f} {down:.0f}" role="img" '
        f'aria-label="{escape(description)}" style="aspect-ratio:{across:.0f}/{down:.0f}">'
        f'<image width="{width}" height="{height}" href="{_embedded(picture, side)}"/>{drawn}</svg>'
    )


def _near(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    """Return the corner and size of the part of a picture that shows a face from near, 4 wide to 5 high."""
    down = min(height, max(box.width, box.height) * 2.2)
    across = min(width, down * 0.8)
    left = min(max(0.0, (box.x0 + box.x1 - across) / 2), width - across)
    top = min(max(0.0, (box.y0 + box.y1) / 2 - down * 0.45), height - down)
    return left, top, across, down


def size(path: Path) -> str:
    """Say how large a picture is, in pixels."""
    try:
        picture = decode(read_file(path), path.name, ANALYSIS_PIXELS)
    except BadInput:
        return "unreadable"
    return f"{picture.width}×{picture.height} px"


def _mark(mark: Mark, width: int, height: int) -> str:
    box, size = mark.face.face.box, max(width, height) / 46
    radius = max(box.width * 0.026, max(width, height) / 320)
    points = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{name.replace("_", " ")}</title></circle>'
        for name, (x, y) in zip(LANDMARK_NAMES, mark.face.face.landmarks, strict=True)
    )
    above, below = box.y0 - size * 0.45, box.y1 + size * 1.1
    # Names stand above, the unknown are marked below, so that neighbours do not cover each other.
    height_of = above if above > size and mark.kind != "unknown" else below
    label = (
        f'<text x="{(box.x0 + box.x1) / 2:.1f}" y="{height_of:.1f}" '
        f'font-size="{size:.1f}" text-anchor="middle">{escape(mark.label)}</text>'
        if mark.label
        else ""
    )
    return (
        f'<g class="mark {mark.kind}"><rect x="{box.x0:.1f}" y="{box.y0:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{size / 4:.1f}"/>{points}{label}</g>'
    )


def scale(score: float | None, point: Threshold, kind: str, lowest: float = 0.8) -> str:
    """Draw a score on the scale of similarity with its operating point.

    Args:
        score: Cosine similarity, or None where it was withheld because it is below the operating point.
        point: The operating point.
        kind: `good`, `unknown` or `bad`.
        lowest: Left end of the scale.
    """

    def at(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (min(max(value, lowest), 1.0) - lowest) / (1.0 - lowest)

    needed = at(point.score)
    if score is None:
        said = f"score withheld, below {point.score:.3f}"
        drawn = f'<line class="withheld" x1="{_LEFT}" x2="{needed:.1f}" y1="24" y2="24"/>'
        drawn += f'<text x="{(_LEFT + needed) / 2:.1f}" y="13" text-anchor="middle">withheld</text>'
    else:
        said = f"score {score:.3f}, needed {point.score:.3f}"
        x = at(score)
        anchor = "end" if x > _WIDTH - 24 else "start" if x < 24 else "middle"
        drawn = f'<path class="pointer" d="M{x:.1f} 26l-5 -9h10z"/>'
        drawn += f'<text x="{x:.1f}" y="13" text-anchor="{anchor}">{score:.3f}</text>'
    return (
        f'<svg class="scale {kind}" viewBox="0 0 {_WIDTH} 50" role="img" aria-label="{said}">'
        f'<rect class="track" x="{_LEFT}" y="20" width="{_RIGHT - _LEFT}" height="8" rx="4"/>'
        f'<path class="matched" d="M{needed:.1f} 20H{_RIGHT - 4}a4 4 0 0 1 0 8H{needed:.1f}z"/>{drawn}'
        f'<line class="needed" x1="{needed:.1f}" x2="{needed:.1f}" y1="16" y2="33"/>'
        f'<text x="{min(needed, _RIGHT - 44):.1f}" y="44" text-anchor="middle">needed {point.score:.3f}</text>'
        f'<text x="{_LEFT}" y="44">{lowest:.1f}</text><text x="{_RIGHT}" y="44" text-anchor="end">1</text></svg>'
    )


def one_in(rate: float) -> str:
    """Say a rate in words: `1 in 10,000`, to three figures."""
    count = 1 / rate
    digits = max(0, len(str(int(count))) - 3)
    return f"1 in {round(count / 10**digits) * 10**digits:,}"
