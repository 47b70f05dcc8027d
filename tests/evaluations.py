"""Evaluations to test with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from faceward.core.rates import Rate
from faceward.policy.evaluation import (
    DataBasis,
    DataSet,
    Differential,
    Evaluation,
    Fairness,
    Group,
    Point,
)

MADE = datetime(2026, 5, 1, tzinfo=UTC)
PACK = "pack@0123456789abcdef"
DATA = DataSet(
    name="the door in May",
    digest="d" * 64,
    images=4000,
    subjects=800,
    basis=DataBasis.CONSENTED,
    statement="staff who gave a release for tests",
    camera_class="door",
    own=True,
)
MATED, NONMATED = 8000, 10**8
# FMR, threshold and FNMR.
ROWS = (
    (1e-1, 0.30, 0.001),
    (1e-2, 0.40, 0.002),
    (1e-3, 0.50, 0.004),
    (1e-4, 0.60, 0.010),
    (1e-5, 0.70, 0.030),
    (1e-6, 0.80, 0.100),
    (1e-7, 0.85, 0.150),
)


def rate(estimate: float, trials: int = NONMATED) -> Rate:
    return Rate(estimate, estimate * 0.8, min(1.0, estimate * 1.2), round(estimate * trials), trials, "wilson")


def points(rows: tuple[tuple[float, float, float], ...] = ROWS, shift: float = 0.0) -> tuple[Point, ...]:
    """Return operating points; `shift` moves every threshold."""
    found = ((at + shift, rate(fmr), rate(fnmr, MATED)) for fmr, at, fnmr in rows)
    return tuple(Point(at, fmr, fnmr, fmr, fnmr) for at, fmr, fnmr in found)


def fairness(ratio: float = 1.2) -> Fairness:
    groups = tuple(Group(f"sex={sex}", 400, 2000, True, rate(1e-4), rate(0.01)) for sex in ("female", "male"))
    found = tuple(
        Differential(measure, "sex=female", Rate(ratio, ratio * 0.9, ratio * 1.1, 10, 10**6, "bootstrap"), 0.1, 1.4)
        for measure in ("fmr", "fnmr")
    )
    return Fairness(("sex",), 0.6, groups, found, 0.61, 0.011)


def evaluation(**changes: Any) -> Evaluation:
    """Return an evaluation that every standard accepts, made on the deployment's own cameras."""
    values: dict[str, Any] = {
        "pack": PACK,
        "data": DATA,
        "protocol": "folder",
        "protocol_digest": "e" * 64,
        "made": MADE,
        "software": "Faceward 0.1.0",
        "command": "faceward evaluate verification --data door --protocol folder",
        "attempts": 4000,
        "failed": 3,
        "mated": MATED,
        "nonmated": NONMATED,
        "points": points(),
        "fairness": (fairness(),),
    }
    return Evaluation(**{**values, **changes})
