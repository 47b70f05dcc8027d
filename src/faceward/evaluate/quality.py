"""Which quality components foretell errors: the FNMR as pictures of the lowest quality are left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from faceward.core.canonical import JSONObject, JSONValue
from faceward.evaluate.discard import DiscardCurve, discard_curve
from faceward.evaluate.features import Features
from faceward.evaluate.metrics import fmr_at
from faceward.evaluate.scores import Scores

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
LIMIT = 0.2
# Fewer comparisons than these support no FNMR that is worth a comparison of components.
LEAST_COMPARISONS = 30
_CONFIDENCE = "confidence"

Numbers = npt.NDArray[np.float64]


def ranking(features: Features) -> Mapping[str, Numbers]:
    """Return each component so that more is better, shape (n,): angles by how far they are from zero.

    The detector's `confidence` stands beside the measured components. One that was not measured on every acquired
    sample is left out.
    """
    found = {name: -np.abs(values) if name.startswith("pose_") else values for name, values in features.quality.items()}
    found[_CONFIDENCE] = features.confidence.astype(np.float64)
    return {name: values for name, values in found.items() if np.isfinite(values[features.acquired]).all()}


def curves(scores: Scores, features: Features, threshold: float) -> dict[str, DiscardCurve]:
    """Return the error-versus-discard characteristic of each component (ISO/IEC 29794-1).

    Args:
        scores: The comparisons of the pictures.
        features: Their features.
        threshold: Scores at or above it match, whatever is left out.

    Raises:
        BadInput: There are no mated comparisons.
    """
    acquired = features.acquired
    kept = _of_acquired(scores, acquired)
    return {name: discard_curve(kept, values[acquired], threshold) for name, values in ranking(features).items()}


def as_json(found: Mapping[str, DiscardCurve], scores: Scores, threshold: float) -> JSONObject:
    """Return the curves at a few shares, the most telling component first.

    Returns:
        `quality` with `threshold`, `fmr` and `limit`; `components`, each with `name`, `area` (the partial area up to
        `limit` divided by it: the mean FNMR there; null where too few comparisons are left) and `points`, each with
        `discarded`, `fnmr` and `comparisons`.
    """
    rows = sorted((_row(name, curve) for name, curve in found.items()), key=_order)
    components: list[JSONValue] = [*rows]
    at = {"threshold": threshold, "fmr": float(fmr_at(scores, [threshold])[0]), "limit": LIMIT}
    return {"quality": at, "components": components}


def _row(name: str, curve: DiscardCurve) -> dict[str, JSONValue]:
    points: list[JSONValue] = []
    last = 0.0
    for share in SHARES:
        place = int(np.searchsorted(curve.discarded, share, side="right")) - 1
        count = int(curve.comparisons[place])
        if share > curve.end or count < LEAST_COMPARISONS:
            break
        points.append({"discarded": share, "fnmr": float(curve.fnmr[place]), "comparisons": count})
        last = share
    area = curve.partial_area(LIMIT) / LIMIT if last >= LIMIT else None
    return {"name": name, "area": area, "points": points}


def _order(row: Mapping[str, JSONValue]) -> tuple[bool, float, str]:
    area = row["area"]
    return area is None, area if isinstance(area, float) else 0.0, str(row["name"])


def _of_acquired(scores: Scores, acquired: npt.NDArray[np.bool_]) -> Scores:
    """Return the scores with acquired samples alone, since others have no quality."""
    number = np.cumsum(acquired) - 1
    return Scores(
        scores.mated,
        scores.nonmated,
        number[scores.mated_pairs].astype(np.int32),
        number[scores.nonmated_pairs].astype(np.int32),
        scores.subject_of[acquired],
    )
