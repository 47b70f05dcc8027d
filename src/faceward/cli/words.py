"""Results in plain words; pure functions, no printing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceward.core.words import clean, one_in, percent, plural

if TYPE_CHECKING:
    from faceward.core.results import Threshold

__all__ = [
    "clean",
    "enumerated",
    "faceless_sentence",
    "fmr_sentence",
    "fpir_sentence",
    "interval",
    "one_in",
    "passed_over_sentence",
    "percent",
    "plural",
    "scale",
]

_MOST_NAMES = 10


def fmr_sentence(point: Threshold) -> str:
    """Say what the false match rate of an operating point means."""
    how = "extrapolated from" if point.extrapolated else "measured on"
    return (
        f"at this threshold {one_in(point.fmr)} strangers would be called a match "
        f"(95 % interval {one_in(point.fmr_high)} to {one_in(point.fmr_low)}), {how} {point.data}"
    )


def fpir_sentence(point: Threshold, subjects: int) -> str:
    """Say what the false positive identification rate of a search means."""
    if point.fpir is None:
        return fmr_sentence(point)
    return (
        f"{percent(point.fpir)} of searches for somebody who is not among these {subjects:,} subjects would "
        f"return somebody; {fmr_sentence(point)}"
    )


def scale(point: Threshold, score: float | None, width: int = 48) -> str:
    """Draw the score and the threshold on one line.

    Args:
        point: The operating point; the line is centred on its threshold where the score allows.
        score: Cosine similarity, or None where it stays hidden.
        width: Characters of the line.

    Returns:
        `0.88 ────────┃────●──── 1.00`, where `┃` is the threshold and `●` the score.
    """
    low = 2 * point.score - 1 if score is None else min(2 * point.score - 1, score)
    low = max(-1.0, math.floor(low * 20) / 20)
    line = ["─"] * width
    line[_place(point.score, low, width)] = "┃"
    if score is not None:
        line[_place(score, low, width)] = "●"
    return f"{low:.2f} {''.join(line)} 1.00"


def _place(value: float, low: float, width: int) -> int:
    ratio = (value - low) / max(1e-9, 1.0 - low)
    return min(width - 1, max(0, round(ratio * (width - 1))))


def interval(point: Threshold) -> str:
    """Write the false match rate with its 95 % interval."""
    how = ", extrapolated" if point.extrapolated else ""
    return f"FMR {point.fmr:.1e} [{point.fmr_low:.1e}, {point.fmr_high:.1e}]{how}"


def enumerated(several: Sequence[str]) -> str:
    """List names on one line, the first ten of many."""
    rest = len(several) - _MOST_NAMES
    return ", ".join(several[:_MOST_NAMES]) + (f" and {rest:,} more" if rest > 0 else "")


def passed_over_sentence(files: Sequence[str]) -> str:
    """Say which files of a folder were not taken for pictures; empty where there are none."""
    if not files:
        return ""
    return f"{plural(len(files), 'file')} passed over, not pictures of a known format: {enumerated(files)}"


def faceless_sentence(pictures: Sequence[str]) -> str:
    """Say in which redacted pictures no face was found; empty where there are none."""
    if not pictures:
        return ""
    them = "it" if len(pictures) == 1 else "them"
    return f"no face found in {enumerated(pictures)}: look at {them} before publishing {them}"
