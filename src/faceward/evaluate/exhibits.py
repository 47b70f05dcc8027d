"""The pairs of faces that came nearest to an error, side by side; of private data only what recognises nobody."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceward.core.canonical import sha256_hex
from faceward.core.errors import BadInput
from faceward.core.faces import Box, ImageArray
from faceward.documents.content import Block, Exhibit, Grid, Paragraph, Pictures
from faceward.evaluate.outcome import Outcome, ScoredPair
from faceward.policy.evaluation import DataBasis
from faceward.vision.align import ARCFACE_112, chip
from faceward.vision.images import decode, read_file
from faceward.vision.pipeline import Pipeline
from faceward.vision.redact import encode, redact

COUNT = 12
SIDE = 144
# More of the head than a network looks at: people recognise by it, and see a label error by it.
_AROUND = 0.78
_HASH = 16
PRIVATE = frozenset({DataBasis.CONSENTED, DataBasis.REVIEWED})
"""Grounds on which pictures were given for a purpose, which showing them in a report is not."""

Crop = Callable[[Path], ImageArray | None]
"""Cuts the aligned face out of a picture file, shape (side, side, 3); None where there is none to show."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What pairs are: a name for one, and the paragraph that leads to them."""

    name: str
    lead: str


NONMATED = Kind(
    "non-mated pair",
    "Closest non-mated pairs: two people, highest scores first. Look for label errors here: one person under two "
    "names, or twins, raises the false-match rate that is stated.",
)
MATED = Kind(
    "mated pair",
    "Hardest mated pairs: one person, lowest scores first. Two people under one name raise the false-non-match rate; "
    "so does another face in the picture that was taken for the subject's.",
)


def aligned(pipeline: Pipeline) -> Crop:
    """Return what cuts faces as a pack sees them, with a little more of the head around.

    Args:
        pipeline: The pack at work; its detector finds the face that stands for the picture.
    """
    centre = (SIDE - 1) / 2
    template = (ARCFACE_112 * (SIDE / 112) - centre) * _AROUND + centre

    def crop(path: Path) -> ImageArray | None:
        try:
            picture = decode(read_file(path), path.name)
            face, _ = pipeline.principal(picture, alone=False)
        except BadInput:
            return None
        return chip(picture.pixels, face.landmarks, template, SIDE)

    return crop


def pairs(
    outcome: Outcome, chosen: Sequence[ScoredPair], crop: Crop | None, *, private: bool, kind: Kind
) -> tuple[Block, ...]:
    """Return the pairs of one kind.

    Args:
        outcome: Whose samples they are.
        chosen: The pairs, nearest to an error first.
        crop: See `Crop`; without it only scores and names are listed.
        private: Whether faces are made unrecognisable and files named by their hash alone.
        kind: What the pairs are.
    """
    if crop is None or not chosen:
        return (Paragraph(kind.lead), _listed(outcome, chosen, private=private))
    exhibits = []
    for number, pair in enumerate(chosen, 1):
        both = [_shown(crop, outcome.sample_files[place], private=private) for place in (pair.first, pair.second)]
        names = " · ".join(_named(outcome, place, private=private) for place in (pair.first, pair.second))
        exhibits.append(Exhibit(tuple(both), f"{kind.name} {number}, {names}", f"{pair.score:.4f}  {names}"))
    return (Pictures(kind.lead, tuple(exhibits)),)


def _listed(outcome: Outcome, chosen: Sequence[ScoredPair], *, private: bool) -> Grid:
    rows = tuple(
        (f"{pair.score:.4f}", *(_named(outcome, place, private=private) for place in (pair.first, pair.second)))
        for pair in chosen
    )
    columns = ("Score#", "First picture (SHA-256)", "Second (SHA-256)") if private else ("Score#", "First", "Second")
    return Grid(columns, rows, empty="No such comparison was made.", widths=(1, 4, 4))


def _named(outcome: Outcome, place: int, *, private: bool) -> str:
    """Return what a sample is called: by its name, or where that would name somebody, by its content."""
    if not private:
        subject, _, file = outcome.sample_names[place].rpartition("/")
        # Most data sets begin a file's name with its subject's.
        return file if subject and file.startswith(subject) else outcome.sample_names[place]
    try:
        return sha256_hex(read_file(outcome.sample_files[place]))[:_HASH]
    except BadInput:
        return "no longer there"


def _shown(crop: Crop, path: Path, *, private: bool) -> bytes:
    found = crop(path)
    pixels = np.full((SIDE, SIDE, 3), 128, dtype=np.uint8) if found is None else found
    if private:
        whole = Box(0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
        # Known noise could be subtracted, so its seed is no function of anything.
        pixels = redact(pixels, [whole], [], "pixelate", secrets.randbits(63))
    return encode(pixels, ".jpg")
