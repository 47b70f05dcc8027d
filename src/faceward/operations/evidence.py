"""The evaluations that a deployment relies on, and what a score means to a purpose by them (rules V1, S1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.operations import monitoring
from faceward.operations.deployment import Deployment
from faceward.policy.evaluation import Evaluation
from faceward.policy.evaluation_reading import parse_evaluation
from faceward.policy.evidence import Candidate, Evidence, Need, assess, choose, measured
from faceward.policy.purposes import Purpose
from faceward.vision.calibration import Calibration, fmr_for

EVIDENCE = "evidence"
"""The kind of document that an evaluation on record is kept as, under its digest."""

# The lower end of a rate's interval may be zero, which has no logarithm.
_LEAST = 1e-15
# Thresholds are read from tables by interpolation; the last digits of that do not lower anything.
_SAME = 1e-9


def candidates(deployment: Deployment) -> tuple[Candidate, ...]:
    """Return the evaluations that the deployment could rely on: the pack's own, then those on record by digest.

    Raises:
        IntegrityError: One was altered.
    """
    shipped = deployment.pipeline.evaluation
    own = () if shipped is None else (Candidate(*_read(shipped), shipped=True),)
    return (*own, *recorded(deployment))


def recorded(deployment: Deployment) -> tuple[Candidate, ...]:
    """Return the evaluations on record, by digest.

    Raises:
        IntegrityError: One was altered.
    """
    found = []
    for digest in deployment.store.documents(EVIDENCE):
        content = deployment.kept_content(EVIDENCE, digest)
        if content is not None:
            found.append(checked(content, digest))
    return tuple(found)


def checked(content: bytes, digest: str) -> Candidate:
    """Return an evaluation that was kept under its digest.

    Raises:
        IntegrityError: It is another.
    """
    evaluation, found = _read(content)
    if found != digest:
        raise IntegrityError(f"the evaluation {digest} in gallery.db is another; restore the file from a backup")
    return Candidate(evaluation, digest, shipped=False)


# Every search asks what it rests on, and parsing an evaluation costs more than reading it.
@lru_cache(maxsize=64)
def _read(content: bytes) -> tuple[Evaluation, str]:
    evaluation = parse_evaluation(content, "the stored evaluation", IntegrityError)
    return evaluation, evaluation.digest()


def standing(
    deployment: Deployment, purpose: Purpose, fmr: float | None = None, pool: Sequence[Candidate] | None = None
) -> Evidence:
    """Say whether a search for a purpose may rest on what is on record (rule V1).

    Args:
        deployment: The deployment.
        purpose: The purpose.
        fmr: The FMR that one comparison of the search needs; the purpose's own if None.
        pool: The evaluations; those of `candidates` if None.
    """
    need = Need(
        pack=deployment.pipeline.identifier,
        camera_class=purpose.camera_class,
        fmr=purpose.fmr if fmr is None else fmr,
        trial=deployment.config.trial,
        void_before=monitoring.breached(deployment, purpose.name),
    )
    rules = deployment.standard.parameters.evidence
    return assess(candidates(deployment) if pool is None else pool, need, rules, deployment.now())


def digest_of(deployment: Deployment, purpose: Purpose) -> str | None:
    """Return the digest of the evaluation that a purpose relies on, in force or not, or None."""
    chosen = choose(candidates(deployment), deployment.pipeline.identifier, purpose.camera_class)
    return None if chosen is None else chosen.digest


def noted(found: Evidence | None) -> JSONObject:
    """Return what the log says of the evidence for a search: the digest of the evaluation, or nothing."""
    return {"evidence": found.chosen.digest} if found is not None and found.chosen is not None else {}


def told(found: Evidence | None) -> dict[str, tuple[str, str]]:
    """Return what a refusal by rule V1 says instead of the rule's own words."""
    return {} if found is None or found.good else {"V1": (found.reason, found.remedy)}


def searched_fmr(purpose: Purpose, size: int) -> float:
    """Return the FMR that a search needs: the stricter of what the purpose accepts of it (FPIR) and of a comparison.

    Args:
        purpose: The purpose.
        size: References that are compared.
    """
    return min(purpose.fmr, fmr_for(purpose.fpir, size))


def calibration(deployment: Deployment, purpose: Purpose, pool: Iterable[Candidate] | None = None) -> Calibration:
    """Return what a score means to a purpose: by evidence from the deployment's own cameras, else as its pack says.

    Every threshold in a deployment comes from here. It does not depend on how old the evidence is: what has become too
    old lets nobody search (rule V1), but is not quietly replaced by other thresholds (rule S1).

    Args:
        deployment: The deployment.
        purpose: The purpose.
        pool: The evaluations; those of `candidates` if None.

    Raises:
        UsageError: The pack has no calibration, and no evaluation of one's own is on record.
    """
    found = candidates(deployment) if pool is None else pool
    chosen = choose(found, deployment.pipeline.identifier, purpose.camera_class)
    if chosen is None or not chosen.evaluation.data.own:
        return deployment.pipeline.calibration
    return of_evaluation(chosen.evaluation)


def of_evaluation(evaluation: Evaluation) -> Calibration:
    """Return the calibration that an evaluation's operating points make.

    Raises:
        UsageError: It states fewer than two rates, between which nothing can be read.
    """
    points = measured(evaluation.points)
    if len(points) < 2:
        raise UsageError(
            f"the evaluation on {evaluation.data.name!r} states {len(points)} rates above zero, and a calibration "
            "needs two; evaluate on more people"
        )
    rows = [
        (p.fmr.estimate, max(p.fmr.low, _LEAST), max(p.fmr.high, p.fmr.estimate), p.threshold, p.fnmr.estimate)
        for p in points
    ]
    seen = [point.fmr.estimate for point in points if not point.extrapolated]
    return Calibration(
        data=evaluation.data.name,
        mated=evaluation.mated,
        nonmated=evaluation.nonmated,
        default_fmr=points[0].fmr.estimate,
        table=np.array(rows),
        measured_to=None if len(seen) == len(points) else min(seen, default=points[0].fmr.estimate),
    )


def lowered(before: Calibration | None, after: Calibration | None, loosest: float) -> bool:
    """Tell whether scores come to count more: at some rate that both state, the threshold falls (rule S1).

    Every rate counts up to the loosest that the purpose accepts, and not only that of today, since thresholds follow
    the size of the gallery.

    Args:
        before: The calibration as it is; None where there is none.
        after: As it would be.
        loosest: The loosest FMR that the purpose accepts of a comparison.
    """
    if before is None or after is None:
        return False
    stated = {loosest, *(float(rate) for one in (before, after) for rate in one.table[:, 0] if rate <= loosest)}
    falls = [(_threshold(before, rate), _threshold(after, rate)) for rate in sorted(stated)]
    return any(new < old - _SAME for old, new in falls if old is not None and new is not None)


def _threshold(calibration: Calibration, fmr: float) -> float | None:
    try:
        return calibration.at_fmr(fmr).threshold
    except (PolicyRefusal, UsageError):
        return None
