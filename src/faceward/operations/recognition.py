"""Verification (1:1), and what every comparison shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.faces import Sample
from faceward.core.names import check_name
from faceward.core.results import FaceReport, Threshold, VerificationResult
from faceward.core.sources import Source
from faceward.gallery.search import Gallery
from faceward.gallery.store import StoredReference
from faceward.operations import camera_facts, evidence
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.gallery_term import in_force
from faceward.operations.journal import Happening
from faceward.operations.suspension import require_in_use
from faceward.operations.warrants import warrant
from faceward.policy import facts, quality
from faceward.policy.mandates import Use
from faceward.vision.calibration import Calibration, OperatingPoint
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS

# Exact scores of chosen probes recover a template, so what leaves is coarse, and below the threshold nothing does.
_SCORE_STEP = 0.001


def read_picture(path: Source) -> Picture:
    """Read a picture for analysis; see `vision.images` for what is refused."""
    return decode(read_file(path), path.name, ANALYSIS_PIXELS)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who a person claims to be.

    Attributes:
        subject: The subject's name.
        purpose: Name of the purpose.
        mandate: Digest of a mandate, or its first digits; None where none is named.
        camera: The camera that the picture comes from, if any.
    """

    subject: str
    purpose: str
    mandate: str | None = None
    camera: str | None = None


def verify(deployment: Deployment, desk: Desk, path: Source, request: ClaimRequest) -> VerificationResult:
    """Compare a probe with the references of the subject whom it claims to show.

    Raises:
        UsageError: The subject has no reference for the purpose.
        PolicyRefusal: A rule of the standard refuses it.
        BadInput: The picture cannot be used, holds no or several faces, or is below the floors of quality.
    """
    subject, purpose_name = check_name(request.subject, "subject"), request.purpose
    picture = None if is_address(path) else read_picture(path)
    purpose = deployment.purpose(purpose_name)
    mine = deployment.store.by_subject(deployment.pseudonym(subject))
    references = _usable(deployment, mine, purpose_name)
    reference = references[0] if references else max(mine, key=_fitness(purpose_name), default=None)
    gallery = reference.gallery if reference else ""
    use = Use("verify", purpose_name, gallery, request.camera, deployment.operator, deployment.now())
    named = warrant(deployment, desk, request.mandate, use)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=reference.purpose if reference else purpose_name,
        sample=facts.Sample(source_kind(path)),
        pack_verified=deployment.pipeline.verified,
        reference_expires=reference.expires if reference else None,
        mandate=named.assessment,
        gallery_in_force=reference is None or in_force(deployment, reference.gallery),
        watched=camera_facts.searched(deployment, request.camera, purpose_name, named),
    )
    details = {
        **probe_details(picture, purpose_name),
        "gallery": reference.gallery if reference else None,
        "camera": request.camera,
    }
    happening = Happening(
        "verify", details, {subject: {}}, told=camera_facts.told_of(deployment, request.camera, named)
    )
    context = facts.verify_context(recognition, deployment.standard, deployment.now())
    if purpose is not None and reference is None:
        desk.unknown(happening)
        raise UsageError(f"{subject!r} has no reference for the purpose {purpose.name!r}; enrol the subject first")
    require_in_use(deployment, desk, happening, references)
    with desk.operation("verify", context, happening, named.held) as act:
        if picture is None or purpose is None or reference is None:
            raise AssertionError("rules P1 and P5 refuse an unregistered purpose and an address")
        # Several references are fused into one template, which keeps the rate of one comparison (ADR 0021).
        calibration = evidence.calibration(deployment, purpose)
        point = calibration.at_fpir(purpose.fmr, 1)
        with deployment.remembering(picture):
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
    # A reviewer could ask for the score of a candidate in this way before answering (rule H2).
    blind = deployment.standard.parameters.people.reviewers > 0
    return VerificationResult(
        decision="match" if hit else "non-match",
        score=coarse(hit.score) if hit and not blind else None,
        operating_point=threshold(point, None, calibration),
        faces=(FaceReport(sample.face, sample.quality),),
        passed_over=(others,),
        pack=deployment.pipeline.identifier,
        subject=subject,
        purpose=purpose.name,
        entry=act.entry,
    )


def _usable(deployment: Deployment, mine: Sequence[StoredReference], purpose: str) -> list[StoredReference]:
    """Return a subject's references in force for a purpose, all of one gallery: that of the one that lasts longest."""
    now, pack = deployment.now(), deployment.pipeline.identifier
    fitting = [one for one in mine if one.purpose == purpose and one.pack == pack and one.expires > now]
    if not fitting:
        return []
    gallery = max(fitting, key=lambda reference: reference.expires).gallery
    return [reference for reference in fitting if reference.gallery == gallery]


def _fitness(purpose: str) -> Callable[[StoredReference], tuple[bool, datetime]]:
    """Rank references that cannot be used, so that the refusal speaks of the closest: expired before foreign."""
    return lambda reference: (reference.purpose == purpose, reference.expires)


def _probe(deployment: Deployment, picture: Picture) -> tuple[Sample, int]:
    face, others = deployment.pipeline.principal(picture)
    sample = deployment.pipeline.samples(picture, [face])[0]
    floors = deployment.standard.parameters.probe_floors
    quality.require_floors(sample.quality.components, floors, picture.name)
    return sample, others


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


def require_running(deployment: Deployment) -> None:
    """Check in the middle of a long operation that nobody has stopped recognition meanwhile.

    Raises:
        PolicyRefusal: Somebody has (rule W7).
    """
    if deployment.custody.status().stopped:
        raise PolicyRefusal(
            "W7", "recognition was stopped meanwhile.", "Let two people restart it: 'faceward restart'."
        )


def source_kind(path: Source) -> str:
    """Return what a picture's source is to the rules (rule P5)."""
    return "url" if is_address(path) else "file"


def probe_details(picture: Picture | None, purpose: str) -> JSONObject:
    """Return what an entry says of a probe: its purpose, and the SHA-256 of its file."""
    return {"purpose": purpose, "probe_sha256": picture.digest.hex() if picture else None}


def threshold(point: OperatingPoint, fpir: float | None, calibration: Calibration) -> Threshold:
    """Return an operating point as results report it."""
    return Threshold(
        point.threshold, point.fmr, point.fmr_low, point.fmr_high, fpir, calibration.data, point.extrapolated
    )


def coarse(score: float) -> float:
    """Return a score as it may leave, rounded to 0.001."""
    return round(round(score / _SCORE_STEP) * _SCORE_STEP, 6)
