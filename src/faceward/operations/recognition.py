"""Verification (1:1) and identification (1:N)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, NoFace, UsageError
from faceward.core.faces import Sample
from faceward.core.names import check_name
from faceward.core.results import (
    Candidate,
    FaceReport,
    IdentificationResult,
    ProbeResult,
    Threshold,
    VerificationResult,
)
from faceward.gallery.search import Gallery
from faceward.gallery.store import StoredReference
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.suspension import require_in_use, suspended
from faceward.policy import facts, quality
from faceward.policy.purposes import Purpose
from faceward.vision.calibration import Calibration, OperatingPoint, fpir_of
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS, Effort

# Exact scores of chosen probes recover a template, so what leaves is coarse, and below the threshold nothing does.
_SCORE_STEP = 0.001
MAX_CANDIDATES = 50
_MOST_CANDIDATES = 1000


def read_picture(path: Path) -> Picture:
    """Read a picture for analysis; see `vision.images` for what is refused."""
    return decode(read_file(path), path.name, ANALYSIS_PIXELS)


def verify(deployment: Deployment, desk: Desk, path: Path, subject: str, purpose_name: str) -> VerificationResult:
    """Compare a probe with the references of the subject whom it claims to show.

    Raises:
        UsageError: The subject has no reference for the purpose.
        PolicyRefusal: A rule of the standard refuses it.
        BadInput: The picture cannot be used, holds no or several faces, or is below the floors of quality.
    """
    subject = check_name(subject, "subject")
    picture = None if is_address(path) else read_picture(path)
    purpose = deployment.purpose(purpose_name)
    mine = deployment.store.by_subject(deployment.pseudonym(subject))
    references = _usable(mine, purpose_name, deployment.now())
    reference = references[0] if references else max(mine, key=_fitness(purpose_name), default=None)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=reference.purpose if reference else purpose_name,
        sample=facts.Sample(source_kind(path)),
        pack_verified=deployment.pipeline.verified,
        reference_expires=reference.expires if reference else None,
    )
    details = {**_probe_details(picture, purpose_name), "gallery": reference.gallery if reference else None}
    happening = Happening("verify", details, {subject: {}})
    context = facts.verify_context(recognition, deployment.standard, deployment.now())
    if purpose is not None and reference is None:
        desk.unknown(happening)
        raise UsageError(f"{subject!r} has no reference for the purpose {purpose.name!r}; enrol the subject first")
    require_in_use(deployment, desk, happening, references)
    with desk.operation("verify", context, happening) as act:
        if picture is None or purpose is None or reference is None:
            raise AssertionError("rules P1 and P5 refuse an unregistered purpose and an address")
        deployment.remember_probe(picture)
        # The best of several references counts, so the purpose's rate is shared out among them.
        point = deployment.pipeline.calibration.at_fpir(purpose.fmr, len(references))
        sample, others = _probe(deployment, picture)
        hit = act.gallery(reference.gallery).verify(
            sample.features,
            subject=reference.subject,
            purpose=purpose.name,
            threshold=point.threshold,
            now=deployment.now(),
        )
        sample.features.fill(0)
        act.outcome["operating_point"] = point.threshold
        act.subjects[subject] = {"decision": "match" if hit else "non-match"}
    return VerificationResult(
        decision="match" if hit else "non-match",
        score=_coarse(hit.score) if hit else None,
        operating_point=_threshold(_of_all(point, len(references)), None, deployment.pipeline.calibration),
        faces=(FaceReport(sample.face, sample.quality),),
        passed_over=(others,),
        pack=deployment.pipeline.identifier,
        subject=subject,
        purpose=purpose.name,
        entry=act.entry,
    )


def _usable(mine: Sequence[StoredReference], purpose: str, now: datetime) -> list[StoredReference]:
    """Return a subject's references in force for a purpose, all of one gallery: that of the one that lasts longest."""
    fitting = [reference for reference in mine if reference.purpose == purpose and reference.expires > now]
    if not fitting:
        return []
    gallery = max(fitting, key=lambda reference: reference.expires).gallery
    return [reference for reference in fitting if reference.gallery == gallery]


def _fitness(purpose: str) -> Callable[[StoredReference], tuple[bool, datetime]]:
    """Rank references that cannot be used, so that the refusal speaks of the closest: expired before foreign."""
    return lambda reference: (reference.purpose == purpose, reference.expires)


def _of_all(point: OperatingPoint, references: int) -> OperatingPoint:
    """Return an operating point's rates for the best of several comparisons."""
    rates = (fpir_of(rate, references) for rate in (point.fmr, point.fmr_low, point.fmr_high))
    return OperatingPoint(point.threshold, *rates)


def _probe(deployment: Deployment, picture: Picture) -> tuple[Sample, int]:
    face, others = deployment.pipeline.principal(picture)
    sample = deployment.pipeline.samples(picture, [face])[0]
    floors = deployment.standard.parameters.probe_floors
    quality.require_floors(sample.quality.components, floors, picture.name)
    return sample, others


def identify(
    deployment: Deployment, desk: Desk, path: Path, request: tuple[str, str, str], top: int
) -> IdentificationResult:
    """Search a gallery for every face of a picture.

    The threshold follows the gallery's size, so that the whole search errs at the purpose's rate (FPIR).

    Args:
        deployment: The deployment.
        desk: Where the search is authorised and recorded.
        path: The probe picture.
        request: Gallery, purpose and reason.
        top: Most candidates a face.

    Raises:
        PolicyRefusal: A rule of the standard refuses it, or the pack's calibration does not support it (V1).
        BadInput: The picture cannot be used.
    """
    gallery_name, purpose_name, reason = request
    if not 1 <= top <= MAX_CANDIDATES:
        raise UsageError(f"--top {top} is out of range; give 1 to {MAX_CANDIDATES}")
    picture = None if is_address(path) else read_picture(path)
    purpose = deployment.purpose(purpose_name)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=deployment.gallery_purpose(gallery_name),
        sample=facts.Sample(source_kind(path)),
        pack_verified=deployment.pipeline.verified,
        reason=reason,
    )
    details = {**_probe_details(picture, purpose_name), "gallery": gallery_name, "reason": reason}
    context = facts.identify_context(recognition, deployment.standard)
    if purpose is not None and deployment.gallery_note(gallery_name) is None:
        desk.unknown(Happening("identify", details))
        raise UsageError(f"no gallery {gallery_name!r}; enrol somebody in it first")
    parts = (
        {} if deployment.gallery_note(gallery_name) is None else desk.journal.members.part(gallery_name, purpose_name)
    )
    with desk.operation("identify", context, Happening("identify", details, parts=parts)) as act:
        if picture is None or purpose is None:
            raise AssertionError("rules P1 and P5 refuse an unregistered purpose and an address")
        now = deployment.now()
        deployment.remember_probe(picture)
        size = deployment.store.count(gallery_name, now, purpose=purpose.name)
        point = _search_point(deployment, purpose, size)
        faces = deployment.pipeline.detect(picture, Effort.ALL)
        if not faces:
            raise NoFace(f"{picture.name}: no face was found; give a picture with upright faces, eyes visible")
        samples = deployment.pipeline.samples(picture, faces)
        # An entry holds so many commitments, and no list of candidates serves anybody at that length.
        top = min(top, max(1, _MOST_CANDIDATES // len(faces)))
        probes = _search(deployment, act.gallery(gallery_name), samples, (purpose, point, top))
        _report(act, probes, size, point)
    return IdentificationResult(
        picture=str(path),
        gallery=gallery_name,
        purpose=purpose.name,
        references=size,
        operating_point=_threshold(point, fpir_of(point.fmr, size), deployment.pipeline.calibration),
        probes=probes,
        pack=deployment.pipeline.identifier,
        entry=act.entry,
    )


def _search_point(deployment: Deployment, purpose: Purpose, size: int) -> OperatingPoint:
    """Return the stricter of what the purpose accepts of a whole search (FPIR) and of one comparison (FMR)."""
    calibration = deployment.pipeline.calibration
    point = calibration.at_fpir(purpose.fpir, size)
    return point if point.fmr <= purpose.fmr else calibration.at_fmr(purpose.fmr)


def _search(
    deployment: Deployment, gallery: Gallery, samples: Sequence[Sample], terms: tuple[Purpose, OperatingPoint, int]
) -> tuple[ProbeResult, ...]:
    purpose, point, top = terms
    floors = deployment.standard.parameters.probe_floors
    out = suspended(deployment, deployment.now())
    results = []
    for sample in samples:
        shortfalls = quality.check_floors(sample.quality.components, floors)
        hits = (
            ()
            if shortfalls
            else gallery.search(
                sample.features, purpose=purpose.name, threshold=point.threshold, k=top + len(out), now=deployment.now()
            )
        )
        hits = out.without(hits)[:top]
        # Rule W1 asks it of live video; a picture's bystanders deserve no less.
        sample.features.fill(0)
        named = ((subject_of(deployment, gallery, hit.reference_id), hit) for hit in hits)
        candidates = tuple(Candidate(who, _coarse(hit.score), hit.reference_id) for who, hit in named if who)
        report = FaceReport(sample.face, sample.quality)
        results.append(ProbeResult(report, candidates, tuple(shortfall.message for shortfall in shortfalls)))
    return tuple(results)


def _report(act: Act, probes: Sequence[ProbeResult], size: int, point: OperatingPoint) -> None:
    act.outcome.update(
        {
            "references": size,
            "operating_point": point.threshold,
            "faces": len(probes),
            "unknown": sum(not probe.candidates for probe in probes),
        }
    )
    for probe in probes:
        for candidate in probe.candidates:
            act.subjects[candidate.subject] = {"outcome": "candidate", "reference": candidate.reference}


def subject_of(deployment: Deployment, gallery: Gallery, reference_id: str) -> str | None:
    """Return the name of the subject that a reference belongs to, or None if another process erased it just now.

    Raises:
        IntegrityError: Its sealed record does not authenticate.
    """
    try:
        reference = deployment.store.reference(reference_id)
    except UsageError:
        return None
    try:
        return str(gallery.record(reference)["subject"])
    except IntegrityError:
        if deployment.keys.destroyed([reference.key_id]):
            return None
        raise


def source_kind(path: Path) -> str:
    """Return what a picture's source is to the rules (rule P5)."""
    return "url" if is_address(path) else "file"


def _probe_details(picture: Picture | None, purpose: str) -> JSONObject:
    return {"purpose": purpose, "probe_sha256": picture.digest.hex() if picture else None}


def _threshold(point: OperatingPoint, fpir: float | None, calibration: Calibration) -> Threshold:
    return Threshold(point.threshold, point.fmr, point.fmr_low, point.fmr_high, fpir, calibration.data)


def _coarse(score: float) -> float:
    return round(round(score / _SCORE_STEP) * _SCORE_STEP, 6)
