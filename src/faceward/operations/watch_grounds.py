"""What a watch rests on at one moment: mandate, evidence, cameras and list, and the threshold from all of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import UsageError
from faceward.core.names import printable
from faceward.core.results import Compared
from faceward.core.watch_results import WatchTerms
from faceward.operations import camera_facts, evidence, gallery_term, monitoring, watch_evidence
from faceward.operations import cameras as configured
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.identification import compared
from faceward.operations.journal import Happening
from faceward.operations.warrants import Warrant, warrant
from faceward.policy import facts
from faceward.policy.authority import Mandate
from faceward.policy.cameras import Camera
from faceward.policy.evidence import Candidate, Evidence
from faceward.policy.mandates import Use
from faceward.policy.purposes import Purpose
from faceward.policy.watching import MOST_COMPARISONS
from faceward.vision.calibration import fpir_of

WATCH = "watch"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A watch as somebody asks for it.

    Attributes:
        gallery: The list.
        purpose: Name of the purpose that the list serves.
        cameras: Names of the cameras, at least one.
        mandate: Digest of a mandate, or its first digits; None where none is named.
    """

    gallery: str
    purpose: str
    cameras: tuple[str, ...]
    mandate: str | None = None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a watch rests on.

    Attributes:
        purpose: The registered purpose, or None.
        named: The mandate as it was named.
        cameras: The cameras that are configured, by name.
        evidence: What the evaluations on record say of the rate that a comparison needs; None without a purpose.
        pool: Those evaluations.
        compared: With whom is compared.
        reason: Why, as the mandate says; empty without one.
        context: What the rules ask for.
        told: What a refusal says instead of a rule's own words, by rule.
        known: The list exists.
    """

    purpose: Purpose | None
    named: Warrant
    cameras: Mapping[str, Camera]
    evidence: Evidence | None
    pool: tuple[Candidate, ...]
    compared: Compared
    reason: str
    context: facts.Context
    told: Mapping[str, tuple[str, str]]
    known: bool


def grounds(deployment: Deployment, desk: Desk, request: WatchRequest, *, own: int = 0) -> Grounds:
    """Look up what a watch rests on now; nothing is decided and nothing recorded.

    Args:
        deployment: The deployment.
        desk: Where acts are recorded.
        request: What is asked for.
        own: How many uses of the mandate are this watch's own period, which goes on.

    Raises:
        IntegrityError: What is kept was altered.
        EnvironmentFailure: The custodian does not answer.
    """
    purpose, known = deployment.purpose(request.purpose), deployment.gallery_note(request.gallery) is not None
    use = Use(
        WATCH, request.purpose, request.gallery, None, deployment.operator, deployment.now(), tuple(request.cameras)
    )
    named = warrant(deployment, desk, request.mandate, use, own=own)
    found = {name: camera for name in request.cameras if (camera := configured.find(deployment, name)) is not None}
    with_whom = compared(deployment, request.gallery, request.purpose)
    pool = evidence.candidates(deployment)
    rests = None if purpose is None else watch_evidence.standing(deployment, purpose, found, with_whom.subjects, pool)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=deployment.gallery_purpose(request.gallery),
        sample=facts.Sample("stream"),
        pack_verified=deployment.pipeline.verified,
        mandate=named.assessment,
        evidence=rests.facts if rests else None,
        gallery_in_force=gallery_term.in_force(deployment, request.gallery),
    )
    watched = camera_facts.watched(
        deployment,
        request.cameras,
        request.gallery,
        purpose=request.purpose,
        false_alerts_acceptable=request.purpose not in monitoring.breaches(deployment),
        mandated=camera_facts.requested(named),
    )
    return Grounds(
        purpose=purpose,
        named=named,
        cameras=MappingProxyType(found),
        evidence=rests,
        pool=pool,
        compared=with_whom,
        reason=_reason(named),
        context=facts.watch_context(recognition, watched, deployment.standard),
        told={
            **evidence.told(rests),
            **camera_facts.told_of_watch(deployment, request.cameras, request.purpose, named, request.mandate),
        },
        known=known,
    )


def happening(desk: Desk, request: WatchRequest, rests: Grounds) -> Happening:
    """Return what the log says of a period as it begins, with the root of the list's members."""
    names: list[JSONValue] = [*request.cameras]
    details: JSONObject = {
        "purpose": request.purpose,
        "gallery": request.gallery,
        "cameras": names,
        "reason": rests.reason,
        **evidence.noted(rests.evidence),
    }
    return Happening(WATCH, details, parts=parts(desk, request, rests), told=rests.told)


def parts(desk: Desk, request: WatchRequest, rests: Grounds) -> Mapping[str, JSONObject]:
    """Return what an entry commits to of the list, so that its members can prove that they were compared."""
    return desk.journal.members.part(request.gallery, request.purpose) if rests.known else {}


def require_list(desk: Desk, request: WatchRequest, rests: Grounds) -> None:
    """Refuse a list that does not exist; that somebody asked is recorded.

    Raises:
        UsageError: There is no such list.
    """
    if rests.purpose is not None and not rests.known:
        desk.unknown(replace(happening(desk, request, rests), parts={}))
        raise UsageError(f"no gallery {request.gallery!r}; enrol somebody in it first")


def terms(deployment: Deployment, rests: Grounds) -> WatchTerms:
    """Return on which terms tracks are compared.

    A track is compared a few times. Each comparison is made at that part of what the purpose accepts of a search and of
    a comparison, so that the track as a whole errs at most at the purpose's rates, however alike the comparisons are.

    Raises:
        UsageError: The pack has no calibration, and no evaluation of one's own is on record.
        PolicyRefusal: The rate is lower than the data support (V1).
    """
    purpose, parameters = rests.purpose, deployment.standard.parameters
    if purpose is None:
        raise AssertionError("rule P1 refuses an unregistered purpose")
    size = rests.compared.subjects
    judged, _ = watch_evidence.of_class(purpose, rests.cameras)
    calibration = evidence.calibration(deployment, judged, rests.pool)
    point = calibration.at_fmr(min(watch_evidence.track_fmr(purpose, size), calibration.loosest))
    return WatchTerms(
        threshold=point.threshold,
        fmr=point.fmr,
        fpir=min(1.0, MOST_COMPARISONS * fpir_of(point.fmr, size)),
        most_comparisons=MOST_COMPARISONS,
        dwell=parameters.video.dwell.total_seconds(),
        references=rests.compared.references,
        subjects=size,
        data=calibration.data,
        extrapolated=point.extrapolated,
        floors=MappingProxyType({floor.component: (floor.minimum, floor.maximum) for floor in parameters.probe_floors}),
    )


def _reason(named: Warrant) -> str:
    if named.held is None:
        return ""
    mandate = Mandate.of(named.held.signed)
    return printable(f"{mandate.case}: {mandate.basis}")
