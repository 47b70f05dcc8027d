"""The parameters of a query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from faceward.operations.identification import MAX_CANDIDATES
from faceward.service.compreface.errors import Code, Failure

GIVEN = frozenset({"landmarks", "pose"})
"""Plugins whose results are given."""

WITHHELD = frozenset({"age", "gender", "mask", "calculator"})
"""Plugins that a client may name without an error, and whose results are never given (rule P4)."""

_KNOWN = GIVEN | WITHHELD | {"detector"}
_MOST = 10**6
_ALL = -1
_PAGE_SIZE = 20
_LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a client asks of the faces in a picture.

    Attributes:
        limit: Most faces, the largest first; 0 for all.
        det_prob_threshold: Least score of the detector, 0 to 1.
        prediction_count: Most subjects for a face, 1 to 50.
        plugins: What to tell of a face beside its box.
        status: Whether to tell of the model pack, and how long it took.
    """

    limit: int = 0
    det_prob_threshold: float = 0.0
    prediction_count: int = 1
    plugins: frozenset[str] = frozenset()
    status: bool = False


def parameters(query: Mapping[str, str]) -> Parameters:
    """Return the parameters of a query.

    Raises:
        Failure: One is not what it may be.
    """
    limit = _integer(query, "limit", 0)
    if limit < 0:
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, "Limit should be equal or greater than 0")
    count = _integer(query, "prediction_count", 1)
    if count < 1 and count != _ALL:
        message = "prediction_count should be equal or greater than 1 or equal -1"
        raise Failure(Code.INCORRECT_PREDICTION_COUNT, message)
    if not _boolean(query, "detect_faces", default=True):
        raise Failure(Code.INCORRECT_ARGUMENT, "detect_faces=false is not offered; faces are always looked for")
    return Parameters(
        limit=limit,
        det_prob_threshold=_threshold(query),
        prediction_count=MAX_CANDIDATES if count == _ALL else min(count, MAX_CANDIDATES),
        plugins=_plugins(query.get("face_plugins", "")),
        status=_boolean(query, "status", default=False),
    )


def page(query: Mapping[str, str]) -> tuple[int, int]:
    """Return number, from 0, and size of a page.

    Raises:
        Failure: One is out of range.
    """
    number, size = _integer(query, "page", 0), _integer(query, "size", _PAGE_SIZE)
    if number < 0 or not 1 <= size <= _LARGEST_PAGE:
        message = f"page must be 0 or more, and size 1 to {_LARGEST_PAGE}"
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, message)
    return number, size


def _threshold(query: Mapping[str, str]) -> float:
    text = query.get("det_prob_threshold") or "0"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        message = "det_prob_threshold should be between 0.0 and 1.0"
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, message)
    return value


def _plugins(text: str) -> frozenset[str]:
    wanted = {part.strip().lower() for part in text.split(",") if part.strip()}
    unknown = wanted - _KNOWN
    if unknown:
        names = ", ".join(sorted(_KNOWN))
        raise Failure(Code.INCORRECT_ARGUMENT, f"face_plugins names {min(unknown)[:40]!r}; there are {names}")
    return frozenset(wanted & GIVEN)


def _integer(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 7:
        raise Failure(Code.INCORRECT_ARGUMENT, f"{name} is no whole number of up to seven digits")
    return max(-_MOST, min(_MOST, int(text)))


def _boolean(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name, "").strip().lower()
    if text not in ("", "true", "false"):
        raise Failure(Code.INCORRECT_ARGUMENT, f"{name} is neither true nor false")
    return default if not text else text == "true"
