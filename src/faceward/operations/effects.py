"""What a change of a purpose, or of the evidence, does to who is found: the facts that rule S1 asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.operations import monitoring, purposes
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import calibration, candidates, searched_fmr, standing
from faceward.operations.thresholds import lowered
from faceward.policy.evidence import Candidate, choose
from faceward.policy.purposes import Purpose
from faceward.vision.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to purposes.

    Attributes:
        falls: A threshold falls.
        answers: The purposes whose open breach it would answer, by name.
        problem: Why what would then hold is not supported, as reason and remedy; None where it is.
    """

    falls: bool = False
    answers: tuple[str, ...] = ()
    problem: tuple[str, str] | None = None

    @property
    def lowers(self) -> bool:
        """Whether faces come to be found that were not: by a lower threshold, or because searches go on again."""
        return self.falls or bool(self.answers)

    def details(self) -> JSONObject:
        """Return what the log says of it beside that it lowers."""
        return {"answers": list(self.answers)} if self.answers else {}


def state_of(deployment: Deployment) -> str:
    """Return a digest of all that decides whether a change lowers a threshold: 64 hexadecimal digits."""
    known = purposes.listed(deployment)
    breaches = {one.name: monitoring.breached(deployment, one.name) for one in known}
    return sha256_hex(
        canonical_json(
            {
                "pack": deployment.pipeline.identifier,
                "manned": deployment.custody.status().manned,
                "evidence": [one.digest for one in candidates(deployment)],
                "purposes": [one.to_json() for one in known],
                "breaches": {name: to_rfc3339(moment) for name, moment in breaches.items() if moment is not None},
            }
        )
    )


def on_purposes(deployment: Deployment, before: Sequence[Candidate], after: Sequence[Candidate]) -> Effect:
    """Return what another set of evaluations does to the purposes."""
    found = [on_purpose(deployment, (one, before), (one, after)) for one in purposes.listed(deployment)]
    return Effect(
        any(one.falls for one in found),
        tuple(name for one in found for name in one.answers),
        next((one.problem for one in reversed(found) if one.problem), None),
    )


def on_purpose(
    deployment: Deployment, old: tuple[Purpose, Sequence[Candidate]], new: tuple[Purpose, Sequence[Candidate]]
) -> Effect:
    """Return what a change does to one purpose.

    Args:
        deployment: The deployment.
        old: The purpose as it is, and the evaluations that it may rely on.
        new: Both as they would be.
    """
    (before, _), (purpose, pool) = old, new
    calibrations = _calibration(deployment, *old), _calibration(deployment, *new)
    falls = falls_from(deployment, *calibrations, max(before.fmr, purpose.fmr))
    answers = _void(deployment, *old) and not _void(deployment, *new)
    problem = None
    # Where no calibration is left nobody is found, which no evidence has to support.
    if (falls or answers) and calibrations[1] is not None:
        found = standing(deployment, purpose, searched_fmr(purpose, 1), pool)
        problem = None if found.good else (f"for the purpose {purpose.name!r}: {found.reason}", found.remedy)
    return Effect(falls, (purpose.name,) if answers else (), problem)


def falls_from(deployment: Deployment, before: Calibration | None, after: Calibration | None, loosest: float) -> bool:
    """Tell whether thresholds fall from one calibration to another; see `thresholds.lowered`.

    Where there was none, one counts as lower once two people could decide: what nobody could rely on while a
    deployment is being founded was never higher.
    """
    first = before is None and not deployment.custody.status().manned
    return not first and lowered(before, after, loosest)


def _void(deployment: Deployment, purpose: Purpose, pool: Sequence[Candidate]) -> bool:
    """Tell whether findings outweigh all that the purpose could rely on."""
    breach = monitoring.breached(deployment, purpose.name)
    if breach is None:
        return False
    chosen = choose(pool, deployment.pipeline.identifier, purpose.camera_class)
    return chosen is None or chosen.date <= breach


def _calibration(deployment: Deployment, purpose: Purpose, pool: Sequence[Candidate]) -> Calibration | None:
    try:
        return calibration(deployment, purpose, pool)
    except UsageError:
        return None
