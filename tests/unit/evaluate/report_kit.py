"""Outcomes of runs that nobody ran: people who do not exist, and pictures of noise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from faceward.core.faces import ImageArray
from faceward.core.rates import Rate
from faceward.evaluate import metrics
from faceward.evaluate.intervals import SubjectBootstrap, rate
from faceward.evaluate.outcome import Hardest, Outcome, ScoredPair
from faceward.evaluate.scores import Scores
from faceward.evaluate.searching import Searches, SearchScores
from faceward.policy.evaluation import (
    DataBasis,
    DataSet,
    Differential,
    Evaluation,
    Fairness,
    Group,
    IdentificationPoint,
)

SUBJECTS, SAMPLES = 60, 3
HOSTILE = "sex=<script>alert(1)</script> $x^2$ 漢字"


def scores(seed: int = 1, spread: float = 0.05) -> Scores:
    """Compare every sample with every other."""
    rng = np.random.default_rng(seed)
    subject_of = np.repeat(np.arange(SUBJECTS, dtype=np.int32), SAMPLES)
    first, second = (side.astype(np.int32) for side in np.triu_indices(len(subject_of), 1))
    same = subject_of[first] == subject_of[second]
    values = np.where(same, 0.82, 0.6) + rng.normal(0, spread, len(first))
    both, found = np.stack([first, second], 1), values.astype(np.float32)
    return Scores(found[same], found[~same], both[same], both[~same], subject_of)


def data_set(basis: DataBasis = DataBasis.SYNTHETIC) -> DataSet:
    return DataSet(
        "People of noise", "ab" * 32, 180, SUBJECTS, basis, "Drawn by numbers.", "noise", basis.value[0] != "p"
    )


def search(references: int, simulated: int = 0) -> SearchScores:
    rng = np.random.default_rng(references)
    people = min(references, 20)
    subjects = np.arange(people + 40)
    own = np.where(subjects < people, 0.9 + rng.normal(0, 0.05, len(subjects)), np.nan)
    searches = Searches(subjects, own)
    others = (0.6 + rng.normal(0, 0.06, (len(subjects), references))).astype(np.float32)
    searches.add(others[:, :people], np.arange(people))
    if references > people:
        searches.add(others[:, people:], np.full(references - people, -1), simulated=True)
    return searches.scores()


def fairness(threshold: float) -> Fairness:
    groups = (
        Group("sex=female", 30, 90, True, rate(9, 4000), rate(5, 90)),
        Group(HOSTILE, 27, 81, True, rate(0, 3000), rate(0, 81)),
        Group("sex=other", 3, 9, False, None, None, "3 people, and a claim needs 30"),
    )
    ratio = Rate(1.4, 0.8, 2.1, 9, 4000, "bootstrap over subjects")
    uneven = (Differential("fmr", "sex=female", ratio, 0.2, 2.5, (0.1, 0.4), (1.1, 6.0)),)
    return Fairness(("sex",), threshold, groups, uneven, threshold + 0.02, 0.08)


def identification() -> tuple[IdentificationPoint, ...]:
    return tuple(
        IdentificationPoint(size, size // 2 if size > 50 else 0, 0.7 + fpir, rate(round(400 * fpir), 400), fnir, 10)
        for size in (10, 100)
        for fpir, fnir in ((0.1, rate(0, 20)), (0.01, rate(3, 20)))
    )


def outcome(folder: Path, basis: DataBasis = DataBasis.SYNTHETIC, **changes: object) -> Outcome:
    """Return an outcome with all there is, its pictures in a folder."""
    compared = scores()
    points = metrics.points(compared, (1e-2, 1e-3), SubjectBootstrap(compared, 50), 181, 1)
    points = (*points, replace(points[-1], threshold=points[-1].threshold + 0.05, extrapolated=True))
    evaluation = Evaluation(
        pack="noise@0123456789abcdef",
        data=data_set(basis),
        protocol="folder",
        protocol_digest="cd" * 32,
        made=datetime(2026, 6, 1, tzinfo=UTC),
        software="Faceward 0.1.0",
        command="faceward evaluate verification --protocol folder --data noise",
        attempts=181,
        failed=1,
        mated=len(compared.mated),
        nonmated=len(compared.nonmated),
        points=points,
        identification=identification(),
        fairness=(fairness(points[1].threshold),),
        likelihood=((0.5, -2.0), (1.0, 2.0)),
    )
    names, files = pictures(folder, len(compared.subject_of))
    low, high = np.argsort(compared.mated)[:3], np.argsort(-compared.nonmated)[:3]
    hardest = Hardest(
        tuple(ScoredPair(*map(int, compared.mated_pairs[k]), float(compared.mated[k])) for k in low),
        tuple(ScoredPair(*map(int, compared.nonmated_pairs[k]), float(compared.nonmated[k])) for k in high),
    )
    details = {
        "acquisition": {"no_face": 1, "failed_pictures": ["Ada_Somebody/missing.png"]},
        "extraction": {"seconds": 12.5},
        "components": [
            {"name": "sharpness", "area": 0.1, "points": [{"discarded": d, "fnmr": 0.1 - d} for d in (0.0, 0.05)]}
        ],
        "unsupported": ["an FMR of 1e-06: 60 people support none below 1e-04"],
    }
    made = Outcome("verification", evaluation, compared, names, files, hardest, (search(10), search(100)), details)
    return replace(made, **changes)


def light(made: Outcome) -> Outcome:
    """Return the outcome without most of what figures are drawn from."""
    evaluation = replace(made.evaluation, identification=(), fairness=(), likelihood=())
    details = {key: value for key, value in made.details.items() if key != "components"}
    return replace(made, evaluation=evaluation, searches=(), details=details)


def pictures(folder: Path, count: int) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    names = tuple(f"Ada_Somebody_{place // SAMPLES}/Ada_{place}.png" for place in range(count))
    files = tuple(folder / name.replace("/", "-") for name in names)
    for place, file in enumerate(files):
        Image.fromarray(noise(place)).save(file)
    return names, files


def noise(seed: int) -> ImageArray:
    """Return a picture that no other resembles."""
    cells = np.random.default_rng(seed).integers(0, 256, (36, 36, 3), dtype=np.uint8)
    return cells.repeat(4, axis=0).repeat(4, axis=1)


def crop(path: Path) -> ImageArray | None:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))
