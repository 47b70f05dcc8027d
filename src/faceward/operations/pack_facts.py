"""What documents say of a model pack and of the evaluations that stand for it."""

from __future__ import annotations

from faceward.documents.facts import (
    CalibrationFacts,
    DifferentialFacts,
    EvaluationFacts,
    GroupFacts,
    PackFacts,
    PointFacts,
    SearchFacts,
)
from faceward.operations import evidence, purposes
from faceward.operations.deployment import Deployment
from faceward.policy.evaluation import Fairness
from faceward.policy.evaluation_reading import parse_evaluation
from faceward.policy.evidence import Candidate, choose
from faceward.vision.calibration import Calibration
from faceward.vision.manifest import Manifest
from faceward.vision.pipeline import Pipeline


def pack_facts(pipeline: Pipeline) -> PackFacts:
    """Return what a pack's manifest says."""
    manifest = pipeline.pack.manifest
    return PackFacts(
        name=manifest.name,
        identifier=pipeline.identifier,
        document=manifest.document,
        licence=manifest.licence,
        commercial=manifest.commercial,
        source=manifest.source,
        training_data=manifest.training_data,
        dimension=manifest.dimension,
        chip=manifest.embedder.size,
        files=_files(manifest),
        calibration=_calibration(manifest.calibration),
    )


def _files(manifest: Manifest) -> tuple[tuple[str, str, str, str], ...]:
    detector = () if manifest.detector is None else (("detector", manifest.detector.model),)
    networks = (*detector, ("recognition", manifest.embedder.model))
    return (
        *((role, model.file, model.sha256, model.distribution) for role, model in networks),
        *(("data", file, sha256, "") for file, sha256 in manifest.attachments()),
    )


def _calibration(calibration: Calibration | None) -> CalibrationFacts | None:
    if calibration is None:
        return None
    rows = tuple((float(a), float(b), float(c), float(d), float(e)) for a, b, c, d, e in calibration.table)
    measured = calibration.strictest_measured
    counts = (calibration.mated, calibration.nonmated)
    return CalibrationFacts(calibration.data, *counts, calibration.default_fmr, rows, measured)


def shipped(pipeline: Pipeline) -> EvaluationFacts | None:
    """Return the evaluation that comes with a pack, or None.

    Raises:
        IntegrityError: Its file's hash differs from the manifest's.
        BadInput: It is missing or is no evaluation.
    """
    content = pipeline.evaluation
    if content is None:
        return None
    evaluation = parse_evaluation(content, f"the evaluation of the pack {pipeline.identifier}")
    return evaluation_facts(Candidate(evaluation, evaluation.digest(), shipped=True))


def in_force(deployment: Deployment) -> tuple[EvaluationFacts, ...]:
    """Return the evaluations that purposes rely on; the pack's own where there is no purpose.

    Raises:
        IntegrityError: One was altered.
    """
    pool, pack = evidence.candidates(deployment), deployment.pipeline.identifier
    chosen = [choose(pool, pack, purpose.camera_class) for purpose in purposes.listed(deployment)]
    relied = chosen or [one for one in pool if one.shipped]
    found = {one.digest: one for one in relied if one is not None}
    return tuple(evaluation_facts(found[digest]) for digest in sorted(found))


def evaluation_facts(candidate: Candidate) -> EvaluationFacts:
    """Return what documents say of an evaluation."""
    evaluation, data = candidate.evaluation, candidate.evaluation.data
    return EvaluationFacts(
        digest=candidate.digest,
        shipped=candidate.shipped,
        made=evaluation.made,
        protocol=evaluation.protocol,
        data=data.name,
        statement=data.statement,
        basis=data.basis.value,
        camera_class=data.camera_class,
        own=data.own,
        counts=(data.images, data.subjects, evaluation.mated, evaluation.nonmated),
        attempts=evaluation.attempts,
        failed=evaluation.failed,
        points=tuple(PointFacts(p.threshold, p.fmr, p.fnmr, p.extrapolated) for p in evaluation.points),
        searches=tuple(
            SearchFacts(p.references, p.simulated, p.threshold, p.fpir, p.fnir, p.rank)
            for p in evaluation.identification
        ),
        groups=tuple(_group(one) for one in evaluation.fairness),
    )


def _group(one: Fairness) -> GroupFacts:
    return GroupFacts(
        attributes=one.attributes,
        threshold=one.threshold,
        rows=tuple((group.name, group.subjects, group.fmr, group.fnmr) for group in one.groups),
        differentials=tuple(DifferentialFacts(d.measure, d.worst, d.ratio) for d in one.differentials),
        worst=None if one.worst_threshold is None or one.worst_fnmr is None else (one.worst_threshold, one.worst_fnmr),
    )
