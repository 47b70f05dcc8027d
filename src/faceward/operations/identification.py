"""Identification (1:N): every face of a picture against a gallery; who is not found is *unknown*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject
from faceward.core.errors import NoFace, PolicyRefusal, UsageError
from faceward.core.faces import Sample
from faceward.core.results import Candidate, Compared, FaceReport, IdentificationResult, ProbeResult
from faceward.core.sources import Source
from faceward.gallery.search import Gallery
from faceward.operations import camera_facts, evidence
from faceward.operations.case_search import candidates_of
from faceward.operations.cases import CaseRequest, open_case
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.gallery_term import in_force
from faceward.operations.journal import Happening
from faceward.operations.recognition import (
    coarse,
    probe_details,
    require_running,
    source_kind,
    subject_of,
    threshold,
)
from faceward.operations.suspension import suspended
from faceward.operations.warrants import Warrant, warrant
from faceward.policy import facts, quality, review_probe
from faceward.policy.evidence import Evidence
from faceward.policy.mandates import Use
from faceward.policy.purposes import Purpose
from faceward.policy.review_model import Search
from faceward.vision.calibration import Calibration, OperatingPoint, fpir_of
from faceward.vision.images import Picture, decode, is_address, read_file
from faceward.vision.pipeline import ANALYSIS_PIXELS, Effort

MAX_CANDIDATES = 50
_MOST_CANDIDATES = 1000
_LEAST_REVIEWED = 5


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as somebody asks for it.

    Attributes:
        gallery: Where to search.
        purpose: Name of the purpose that the gallery serves.
        reason: Why the people are to be identified, in a sentence.
        top: Most candidates a face, 1 to 50.
        mandate: Digest of a mandate, or its first digits; None where none is named.
        camera: The camera that the picture comes from; None where it comes from none that a mandate would name.
        kind: What the picture is stated to be: `photograph` or `frame`.
        largest: Only the picture's largest face is searched for; nothing is computed of the others.
    """

    gallery: str
    purpose: str
    reason: str
    top: int = 5
    mandate: str | None = None
    camera: str | None = None
    kind: str = "photograph"
    largest: bool = False


def identify(deployment: Deployment, desk: Desk, path: Source, request: SearchRequest) -> IdentificationResult:
    """Search a gallery for every face of a picture.

    The threshold follows the gallery's size, so that the whole search errs at the purpose's rate (FPIR). Where the
    standard asks for reviewers, candidates go to a case and their scores stay hidden (rule H2).

    Raises:
        PolicyRefusal: A rule of the standard refuses it, no mandate covers it (P2), the probe is none that is compared
            (S3), or no evaluation in force supports it (V1).
        BadInput: The picture cannot be used.
    """
    if not 1 <= request.top <= MAX_CANDIDATES:
        raise UsageError(f"--top {request.top} is out of range; give 1 to {MAX_CANDIDATES}")
    data = b"" if is_address(path) else read_file(path)
    picture = decode(data, path.name, ANALYSIS_PIXELS) if data else None
    purpose, known = deployment.purpose(request.purpose), deployment.gallery_note(request.gallery) is not None
    use = Use("identify", request.purpose, request.gallery, request.camera, deployment.operator, deployment.now())
    named = warrant(deployment, desk, request.mandate, use)
    with_whom = compared(deployment, request.gallery, request.purpose)
    size = with_whom.subjects
    found = None if purpose is None else evidence.standing(deployment, purpose, evidence.searched_fmr(purpose, size))
    told = evidence.told(found) | camera_facts.told_of(deployment, request.camera, named)
    happening = replace(_happening(deployment, desk, (picture, request), found, known=known), told=told)
    if purpose is not None and not known:
        desk.unknown(replace(happening, parts={}))
        raise UsageError(f"no gallery {request.gallery!r}; enrol somebody in it first")
    _check_kind(desk, happening, request.kind)
    context = _context(deployment, path, request, (named, found))
    with desk.operation("identify", context, happening, named.held) as act:
        if picture is None or purpose is None:
            raise AssertionError("rules P1 and P5 refuse an unregistered purpose and an address")
        calibration = evidence.calibration(deployment, purpose)
        point = search_point(calibration, purpose, size)
        with deployment.remembering(picture):
            faces = deployment.pipeline.detect(picture, Effort.ALL)
            if not faces:
                raise NoFace(f"{picture.name}: no face was found; give a picture with upright faces, eyes visible")
            if request.largest:
                faces = (max(faces, key=lambda face: face.box.area),)
            samples = deployment.pipeline.samples(picture, faces)
        # An entry holds so many commitments, and no list of candidates serves anybody at that length.
        top = min(_asked(deployment, request.top), max(1, _MOST_CANDIDATES // len(faces)))
        probes = _search(deployment, act.gallery(request.gallery), samples, (purpose, point, top))
        report(act, probes, with_whom, point)
        case = _case(deployment, desk, act, (data, picture, probes), (request, named))
    return IdentificationResult(
        picture=str(path),
        gallery=request.gallery,
        purpose=purpose.name,
        compared=with_whom,
        operating_point=threshold(point, fpir_of(point.fmr, size), calibration),
        probes=_blind(probes) if case else probes,
        pack=deployment.pipeline.identifier,
        entry=act.entry,
        case=case,
        size=(picture.width, picture.height),
    )


def _happening(
    deployment: Deployment,
    desk: Desk,
    asked: tuple[Picture | None, SearchRequest],
    found: Evidence | None,
    *,
    known: bool,
) -> Happening:
    picture, request = asked
    details: JSONObject = {
        **probe_details(picture, request.purpose),
        "gallery": request.gallery,
        "reason": request.reason,
        "camera": request.camera,
        "probe_kind": request.kind,
        # The same picture with other metadata is no other probe; who counts searches goes by this.
        "probe_pixels": deployment.sample_digest(picture).hex() if picture else None,
        **evidence.noted(found),
    }
    parts = desk.journal.members.part(request.gallery, request.purpose) if known else {}
    return Happening("identify", details, parts=parts)


def _check_kind(desk: Desk, happening: Happening, kind: str) -> None:
    try:
        review_probe.check_kind(kind)
    except PolicyRefusal as refusal:
        desk.deny(happening, refusal)
        raise


def _context(
    deployment: Deployment, path: Source, request: SearchRequest, grounds: tuple[Warrant, Evidence | None]
) -> facts.Context:
    named, found = grounds
    recognition = facts.Recognition(
        purpose=deployment.purpose(request.purpose),
        gallery_purpose=deployment.gallery_purpose(request.gallery),
        sample=facts.Sample(source_kind(path)),
        pack_verified=deployment.pipeline.verified,
        reason=request.reason,
        mandate=named.assessment,
        evidence=found.facts if found else None,
        gallery_in_force=in_force(deployment, request.gallery),
        watched=camera_facts.searched(deployment, request.camera, request.purpose, named),
    )
    return facts.identify_context(recognition, deployment.standard)


def _asked(deployment: Deployment, top: int) -> int:
    # A list of one would tell who ranks first, which reviewers must not learn before they answer (rule H2).
    return max(top, _LEAST_REVIEWED) if deployment.standard.parameters.people.reviewers else top


def compared(deployment: Deployment, gallery: str, purpose: str) -> Compared:
    """Return what a search of a gallery compares with now."""
    store, now, pack = deployment.store, deployment.now(), deployment.pipeline.identifier
    references = store.count(gallery, now, purpose=purpose, pack=pack)
    return Compared(
        references=references,
        subjects=store.subjects(gallery, now, purpose=purpose, pack=pack),
        left_out=store.count(gallery, now, purpose=purpose) - references,
    )


def search_point(calibration: Calibration, purpose: Purpose, size: int) -> OperatingPoint:
    """Return the stricter of what the purpose accepts of a whole search (FPIR) and of one comparison (FMR).

    Every subject is one chance of a false match, however many references their template was made of (ADR 0021).
    """
    return calibration.at_fmr(min(evidence.searched_fmr(purpose, size), calibration.loosest))


def _search(
    deployment: Deployment, gallery: Gallery, samples: Sequence[Sample], terms: tuple[Purpose, OperatingPoint, int]
) -> tuple[ProbeResult, ...]:
    purpose, point, top = terms
    floors = deployment.standard.parameters.probe_floors
    out = suspended(deployment, deployment.now())
    results = []
    for sample in samples:
        # A picture of many faces takes its time, and a stop must bite within it (rule W7).
        require_running(deployment)
        shortfalls = quality.check_floors(sample.quality.components, floors)
        hits = (
            ()
            if shortfalls
            else gallery.search(
                sample.features,
                purpose=purpose.name,
                threshold=point.threshold,
                k=top + len(out.subjects),
                now=deployment.now(),
                without=out.references,
            )
        )
        hits = out.without(hits)[:top]
        # Rule W1 asks it of live video; a picture's bystanders deserve no less.
        sample.features.fill(0)
        named = ((subject_of(deployment, gallery, hit.reference_id), hit) for hit in hits)
        candidates = tuple(
            Candidate(who, coarse(hit.score), hit.reference_id, hit.references) for who, hit in named if who
        )
        report = FaceReport(sample.face, sample.quality)
        results.append(ProbeResult(report, candidates, tuple(shortfall.message for shortfall in shortfalls)))
    return tuple(results)


def report(act: Act, probes: Sequence[ProbeResult], with_whom: Compared, point: OperatingPoint) -> None:
    """Say in a search's closing entry what it compared and whom it named."""
    act.outcome.update(
        {
            "references": with_whom.references,
            "subjects": with_whom.subjects,
            "left_out": with_whom.left_out,
            "operating_point": point.threshold,
            "faces": len(probes),
            "unknown": sum(not probe.candidates for probe in probes),
            "rejected": sum(bool(probe.rejected) for probe in probes),
        }
    )
    for probe in probes:
        for candidate in probe.candidates:
            act.subjects[candidate.subject] = {
                "outcome": "candidate",
                "reference": candidate.reference,
                "references": list(candidate.references),
            }


def _case(
    deployment: Deployment,
    desk: Desk,
    act: Act,
    found: tuple[bytes, Picture, tuple[ProbeResult, ...]],
    asked: tuple[SearchRequest, Warrant],
) -> str | None:
    """Open a case where the standard asks for reviewers and somebody was found; return its identifier."""
    data, picture, probes = found
    request, named = asked
    candidates = candidates_of(probes, picture.width, picture.height)
    if not deployment.standard.parameters.people.reviewers or not candidates:
        return None
    search = Search(
        entry=act.entry,
        operator=deployment.operator,
        gallery=request.gallery,
        purpose=request.purpose,
        mandate=named.held.digest if named.held else "",
        reason=request.reason,
    )
    case = open_case(deployment, desk, act, CaseRequest(data, picture.name, request.kind, search, candidates))
    act.outcome["case"] = case.id
    return case.id


def _blind(probes: tuple[ProbeResult, ...]) -> tuple[ProbeResult, ...]:
    """Leave out scores, and the order that would tell them."""
    return tuple(
        replace(
            probe,
            candidates=tuple(
                replace(candidate, score=None)
                for candidate in sorted(probe.candidates, key=lambda candidate: candidate.reference)
            ),
        )
        for probe in probes
    )
