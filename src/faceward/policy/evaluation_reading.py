"""Read an evaluation back strictly: what cannot have been measured is refused before anybody relies on it (rule V1)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from faceward.core.canonical import canonical_json
from faceward.core.errors import BadInput, FacewardError, UsageError
from faceward.core.names import check_name
from faceward.core.rates import Rate
from faceward.policy.evaluation import (
    FORMAT,
    DataBasis,
    DataSet,
    Differential,
    Evaluation,
    Fairness,
    Group,
    IdentificationPoint,
    Point,
)
from faceward.policy.evaluation_agreement import agree
from faceward.policy.fields import line, moment
from faceward.policy.review_fields import tables, whole
from faceward.policy.strict import Fail, Table, parse_json

MAX_BYTES = 2**20
"""Largest evaluation, in canonical JSON."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PACK = re.compile(r"[^@\s][^@]{0,254}@[0-9a-f]{16}")
_MOST_POINTS = 200
_MOST_GROUPS = 1000
_MOST_RATIOS = 10_000
_LINE = 300
_LONG = 4000
# Rounding of sums and of text may put an estimate a hair outside its interval.
_HAIR = 1e-12
_T = TypeVar("_T")


def parse_evaluation(data: bytes, where: str, fail: Fail = BadInput) -> Evaluation:
    """Read an evaluation from a file.

    Args:
        data: JSON in UTF-8.
        where: Names the file in messages.
        fail: Makes the error to raise.

    Raises:
        BadInput: It is larger than 1 MiB or no evaluation; or the error that `fail` makes.
    """
    if len(data) > MAX_BYTES:
        raise fail(f"{where}: larger than {MAX_BYTES} bytes; give the JSON that 'faceward evaluate' wrote")
    return read_evaluation(parse_json(data, where, fail), where, fail)


def read_evaluation(value: object, where: str = "evaluation", fail: Fail = BadInput) -> Evaluation:
    """Read what `Evaluation.to_json` wrote.

    Args:
        value: The object.
        where: Names it in messages.
        fail: Makes the error to raise.

    Raises:
        BadInput: A key is unknown, missing or of another type, a value is out of range, a rate lies outside its
            interval, or thresholds and rates do not run against each other; or the error that `fail` makes.
    """
    table = Table(value, where, fail)
    table.only(("format", *Evaluation.__dataclass_fields__))
    if whole(table, "format") != FORMAT:
        raise table.error(f"it is of another version than {FORMAT}, which this program reads; make it again")
    evaluation = Evaluation(
        pack=_matched(table, "pack", _PACK, "a pack's identifier, name@digest"),
        data=_data(table.table("data")),
        protocol=_filled(table, "protocol", _LINE),
        protocol_digest=_digest(table, "protocol_digest"),
        made=moment(table, "made"),
        software=_filled(table, "software", _LINE),
        command=_filled(table, "command", _LONG),
        attempts=whole(table, "attempts"),
        failed=whole(table, "failed"),
        template=whole(table, "template"),
        mated=whole(table, "mated"),
        nonmated=whole(table, "nonmated"),
        points=_several(table, "points", _point, _MOST_POINTS),
        identification=_several(table, "identification", _identification, _MOST_POINTS),
        fairness=_several(table, "fairness", _fairness, _MOST_GROUPS),
        likelihood=_likelihood(table),
    )
    if evaluation.failed > evaluation.attempts:
        raise table.error("'failed' is greater than 'attempts'")
    _check_order(evaluation.points, table.error)
    agree(evaluation, table.error)
    try:
        if len(canonical_json(evaluation.to_json())) > MAX_BYTES:
            raise table.error(f"it is larger than {MAX_BYTES} bytes; measure fewer points")
    except (ValueError, RecursionError):
        raise table.error("it cannot be written as canonical JSON; make it again") from None
    return evaluation


def _data(table: Table) -> DataSet:
    table.only(DataSet.__dataclass_fields__)
    basis = table.text("basis")
    if basis not in set(DataBasis):
        raise table.error(f"'basis' must be one of {', '.join(DataBasis)} (rule V3)")
    return DataSet(
        name=_filled(table, "name", _LINE),
        digest=_digest(table, "digest"),
        images=whole(table, "images"),
        subjects=whole(table, "subjects"),
        basis=DataBasis(basis),
        statement=_filled(table, "statement", _LONG),
        camera_class=camera_class(table.text("camera_class"), table.error),
        own=table.flag("own"),
    )


def camera_class(text: str, fail: Callable[[str], FacewardError] = UsageError) -> str:
    """Return the name of a camera class as it is kept.

    Raises:
        UsageError: It is none; or the error that `fail` makes.
    """
    try:
        name = check_name(text, "camera class")
    except UsageError as error:
        raise fail(str(error)) from None
    if name != text:
        raise fail(f"the camera class {text!r} is not as names are kept; write {name!r}")
    return name


def _point(table: Table) -> Point:
    table.only(Point.__dataclass_fields__)
    fmr, fnmr, gfar, gfrr = (rate(table, key) for key in ("fmr", "fnmr", "gfar", "gfrr"))
    return Point(_threshold(table), fmr, fnmr, gfar, gfrr, table.flag("extrapolated"))


def _identification(table: Table) -> IdentificationPoint:
    table.only(IdentificationPoint.__dataclass_fields__)
    references, simulated, rank = (whole(table, key) for key in ("references", "simulated", "rank"))
    if not references or not rank or simulated > references:
        raise table.error("'references' and 'rank' must be above zero, and 'simulated' at most 'references'")
    return IdentificationPoint(references, simulated, _threshold(table), rate(table, "fpir"), rate(table, "fnir"), rank)


def _fairness(table: Table) -> Fairness:
    table.only(Fairness.__dataclass_fields__)
    if not table.names("attributes"):
        raise table.error("'attributes' names none")
    return Fairness(
        attributes=table.names("attributes"),
        threshold=_threshold(table),
        groups=_several(table, "groups", _group, _MOST_GROUPS),
        differentials=_several(table, "differentials", _differential, _MOST_GROUPS),
        worst_threshold=_optional(table, "worst_threshold", _threshold),
        worst_fnmr=_optional(table, "worst_fnmr", _share),
    )


def _group(table: Table) -> Group:
    table.only(Group.__dataclass_fields__)
    return Group(
        name=_filled(table, "name", _LINE),
        subjects=whole(table, "subjects"),
        samples=whole(table, "samples"),
        supported=table.flag("supported"),
        fmr=_optional(table, "fmr", rate),
        fnmr=_optional(table, "fnmr", rate),
        note=line(table, "note", _LONG),
    )


def _differential(table: Table) -> Differential:
    table.only(Differential.__dataclass_fields__)
    if table.text("measure") not in ("fmr", "fnmr"):
        raise table.error("'measure' must be fmr or fnmr")
    return Differential(
        measure=table.text("measure"),
        worst=_filled(table, "worst", _LINE),
        ratio=rate(table, "ratio", most=math.inf),
        gini=_share(table, "gini"),
        inequity=_positive(table, "inequity"),
        gini_interval=_interval(table, "gini_interval", 1.0),
        inequity_interval=_optional(table, "inequity_interval", lambda t, key: _interval(t, key, math.inf)),
        chance=_optional(table, "chance", _positive) if table.has("chance") else None,
    )


def rate(table: Table, key: str, most: float = 1.0) -> Rate:
    """Return a rate with its interval; `most` is the greatest value it may have.

    Raises:
        FacewardError: The table's own error.
    """
    inner = table.table(key)
    inner.only(Rate.__dataclass_fields__)
    estimate, low, high = (inner.number(name) for name in ("estimate", "low", "high"))
    if not (0 <= low <= estimate + _HAIR and estimate <= high + _HAIR and high <= most):
        raise inner.error(f"0 ≤ low ≤ estimate ≤ high{'' if most == math.inf else ' ≤ 1'} does not hold")
    errors, trials = whole(inner, "errors"), whole(inner, "trials")
    if errors > trials:
        raise inner.error("'errors' is greater than 'trials'")
    return Rate(estimate, low, high, errors, trials, _filled(inner, "method", _LINE))


def _check_order(points: Sequence[Point], fail: Callable[[str], FacewardError]) -> None:
    for one, following in pairwise(points):
        if following.threshold <= one.threshold or following.fmr.estimate >= one.fmr.estimate:
            raise fail("'points' must rise in threshold and fall in FMR")
        if following.fnmr.estimate < one.fnmr.estimate - _HAIR:
            raise fail("'points' cannot fall in FNMR where the threshold rises")


def _likelihood(table: Table) -> tuple[tuple[float, float], ...]:
    value = table.value("likelihood")
    rows = value if isinstance(value, list) and len(value) <= _MOST_RATIOS else [None]
    pairs = tuple(_pair(row, table.error) for row in rows)
    if any(after[0] <= before[0] for before, after in pairwise(pairs)):
        raise table.error("'likelihood' must rise in score")
    return pairs


def _pair(row: object, fail: Callable[[str], FacewardError]) -> tuple[float, float]:
    numbers = [float(n) for n in row if _is_number(n)] if isinstance(row, list) else []
    if len(numbers) != 2 or not isinstance(row, list) or len(row) != 2 or not -1 <= numbers[0] <= 1:
        raise fail("'likelihood' must be a list of pairs: a score from -1 to 1 and a finite log10 likelihood ratio")
    return numbers[0], numbers[1]


def _interval(table: Table, key: str, most: float) -> tuple[float, float]:
    value = table.value(key)
    ends = [float(n) for n in value if _is_number(n)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(ends) != len(value) or len(ends) != 2 or not 0 <= ends[0] <= ends[1] <= most:
        raise table.error(f"{key!r} must be the two ends of an interval")
    return ends[0], ends[1]


def _is_number(value: object) -> bool:
    # An integer may be larger than every float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e15


def _several(table: Table, key: str, read: Callable[[Table], _T], most: int) -> tuple[_T, ...]:
    found = tables(table, key)
    if len(found) > most:
        raise table.error(f"{key!r} has more than {most} entries")
    return tuple(read(one) for one in found)


def _optional(table: Table, key: str, read: Callable[[Table, str], _T]) -> _T | None:
    return None if table.value(key) is None else read(table, key)


def _threshold(table: Table, key: str = "threshold") -> float:
    value = table.number(key)
    if not -1 <= value <= 1:
        raise table.error(f"{key!r} must be a similarity from -1 to 1")
    return value


def _share(table: Table, key: str) -> float:
    value = table.number(key)
    if not 0 <= value <= 1:
        raise table.error(f"{key!r} must lie between 0 and 1")
    return value


def _positive(table: Table, key: str) -> float:
    value = table.number(key)
    if value < 0:
        raise table.error(f"{key!r} must not be below 0")
    return value


def _filled(table: Table, key: str, most: int) -> str:
    text = line(table, key, most)
    if not text.strip():
        raise table.error(f"{key!r} is empty")
    return text


def _digest(table: Table, key: str) -> str:
    return _matched(table, key, _DIGEST, "64 hexadecimal digits")


def _matched(table: Table, key: str, pattern: re.Pattern[str], what: str) -> str:
    text = table.text(key)
    if pattern.fullmatch(text) is None or not text.isprintable():
        raise table.error(f"{key!r} is not {what}")
    return text
