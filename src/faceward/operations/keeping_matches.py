"""What comes of comparing the faces of a picture with those who are to be kept visible."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """A face that was recognised.

    Attributes:
        face: Its number among those compared.
        subject: Who it is.
        score: Similarity.
        clear: Whether it would be a match at a tenth of the accepted rate as well.
    """

    face: int
    subject: str
    score: float
    clear: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing the faces of a picture gave.

    Attributes:
        matches: The best first.
        compared: Numbers of the faces that were good enough to be compared.
    """

    matches: tuple[Match, ...]
    compared: tuple[int, ...]
