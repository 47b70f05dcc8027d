"""The evaluations that a deployment relies on, and what a score means to a purpose by them (rules V1, S1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations import monitoring
from faceward.operations.deployment import Deployment
from faceward.operations.thresholds import of_evaluation
from faceward.policy.evaluation import Evaluation
from faceward.policy.evaluation_reading import parse_evaluation
from faceward.policy.evidence import Candidate, Evidence, Need, assess, choose
from faceward.policy.purposes import Purpose
from faceward.policy.stated_rates import substance
from faceward.protection.guard import ProcessGuard
from faceward.vision.calibration import Calibration, fmr_for

EVIDENCE = "evidence"
"""The kind of document that an evaluation on record is kept as, under its digest."""

RECORDED, IN_USE, WITHDRAWN = "evidence-recorded", "pack-adopted", "evidence-withdrawn"
"""Kinds of documents: when an evaluation was recorded, when a pack came into use, what was withdrawn of which date."""

# The date of an evaluation that comes with a pack counts from when the pack came into use; what lies further ahead than
# clocks differ and builds are prepared says that nobody looked at it.
_FAR = timedelta(days=366)
_GUARD = "evidence.guard"


def changing(deployment: Deployment) -> AbstractContextManager[None]:
    """Hold back every other change of purposes and evidence, of other processes too, until this one is made.

    Whether a change lowers a threshold follows from what holds; it must hold still when the change is written.
    """
    return ProcessGuard(deployment.home / _GUARD).alone()


def candidates(deployment: Deployment) -> tuple[Candidate, ...]:
    """Return the evaluations that the deployment could rely on: the pack's own, then those on record by digest.

    Raises:
        IntegrityError: One was altered, or the pack's own says what it cannot know.
    """
    shipped = deployment.pipeline.evaluation
    own = () if shipped is None else (_shipped(deployment, shipped),)
    return (*own, *recorded(deployment))


def _shipped(deployment: Deployment, content: bytes) -> Candidate:
    """Return the evaluation that comes with the pack, which says nothing of this deployment's cameras."""
    evaluation, digest = _read(content)
    pack = deployment.pipeline.identifier
    problem = ""
    if evaluation.pack != pack:
        problem = f"is of the pack {evaluation.pack}"
    elif evaluation.data.own:
        problem = "claims to be of the deployment's own cameras"
    elif evaluation.made > deployment.now() + _FAR:
        problem = f"is of {to_rfc3339(evaluation.made)[:10]}, more than a year ahead"
    if problem:
        raise IntegrityError(f"the evaluation that comes with the pack {pack} {problem}; use another pack")
    return Candidate(evaluation, digest, shipped=True, since=_in_use_since(deployment))


def note_pack(deployment: Deployment, document: str) -> None:
    """Remember when people adopted a pack, by the digest of its manifest as a document, which names its evaluation."""
    deployment.keep(IN_USE, document, to_rfc3339(deployment.now()))


def _in_use_since(deployment: Deployment) -> datetime:
    """Return when the pack was adopted; where none was since, when the deployment was set up."""
    kept = deployment.kept(IN_USE, deployment.pipeline.pack.manifest.document)
    return from_rfc3339(str(kept) if kept is not None else deployment.config.created)


def recorded(deployment: Deployment) -> tuple[Candidate, ...]:
    """Return the evaluations on record, by digest.

    Raises:
        IntegrityError: One was altered.
    """
    found = []
    for digest in deployment.store.documents(EVIDENCE):
        content = deployment.kept_content(EVIDENCE, digest)
        if content is not None:
            since = deployment.kept(RECORDED, digest)
            found.append(checked(content, digest, None if since is None else from_rfc3339(str(since))))
    return tuple(found)


def record(deployment: Deployment, candidate: Candidate) -> Candidate:
    """Put an evaluation on record with the moment at which it was; return it so."""
    now = deployment.now()
    # First, so that no crash leaves evidence without it.
    deployment.keep(RECORDED, candidate.digest, to_rfc3339(now))
    deployment.keep(EVIDENCE, candidate.digest, candidate.evaluation.to_json())
    return replace(candidate, since=now)


def forget(deployment: Deployment, candidate: Candidate) -> None:
    """Take an evaluation off the record, and remember of what measurement and date it was: see `voided`."""
    substantial = substance(candidate.evaluation)
    deployment.keep(WITHDRAWN, substantial, to_rfc3339(candidate.date))
    deployment.store.delete_document(EVIDENCE, candidate.digest)
    deployment.store.delete_document(RECORDED, candidate.digest)


def voided(deployment: Deployment, candidate: Candidate, pool: Iterable[Candidate], breach: datetime) -> bool:
    """Tell whether a breach voided the same measurement, on record still or withdrawn since, under whatever date."""
    same = substance(candidate.evaluation)
    dates = [one.date for one in pool if one.digest != candidate.digest and substance(one.evaluation) == same]
    withdrawn = deployment.kept(WITHDRAWN, same)
    if withdrawn is not None:
        dates.append(from_rfc3339(str(withdrawn)))
    return any(date <= breach for date in dates)


def checked(content: bytes, digest: str, since: datetime | None = None) -> Candidate:
    """Return an evaluation that was kept under its digest, and since when.

    Raises:
        IntegrityError: It is another.
    """
    evaluation, found = _read(content)
    if found != digest:
        raise IntegrityError(f"the evaluation {digest} in gallery.db is another; restore the file from a backup")
    return Candidate(evaluation, digest, shipped=False, since=since)


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
    if chosen is None or not chosen.own:
        return deployment.pipeline.calibration
    return of_evaluation(chosen.evaluation)


def of_pack(deployment: Deployment) -> Calibration | None:
    """Return the pack's own calibration, or None where it has none."""
    try:
        return deployment.pipeline.calibration
    except UsageError:
        return None
