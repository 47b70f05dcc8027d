"""Searching a gallery with one of its own references: who else resembles this subject.

Everything that binds a search with a picture binds this one: purpose, reason, mandate, evidence, suspension, the log.
Where reviewers look at candidates it is refused, since a reference is no photograph that they could look at.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.canonical import JSONObject
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.results import Candidate
from faceward.gallery.store import StoredReference
from faceward.operations import camera_facts, evidence
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.gallery_term import in_force
from faceward.operations.identification import MAX_CANDIDATES, SearchRequest, compared, search_point
from faceward.operations.journal import Happening
from faceward.operations.recognition import coarse, subject_of
from faceward.operations.suspension import suspended
from faceward.operations.warrants import warrant
from faceward.policy import facts
from faceward.policy.mandates import Use


@dataclass(frozen=True, slots=True)
class ReferenceSearch:
    """What a search with a reference found.

    Attributes:
        reference: The reference that was the probe.
        subject: Whose it is.
        candidates: Other subjects, best first.
        entry: Index of the log entry.
    """

    reference: StoredReference
    subject: str
    candidates: tuple[Candidate, ...]
    entry: int


def search(deployment: Deployment, desk: Desk, reference: str, request: SearchRequest) -> ReferenceSearch:
    """Search a gallery for others who resemble the subject of one of its references.

    Raises:
        UsageError: The gallery has no such reference, or too many candidates are asked for.
        PolicyRefusal: A rule of the standard refuses it, no mandate covers it (P2), no evaluation in force supports it
            (V1), reviewers would have to look at it (S3), or the subject is suspended (D1).
    """
    if not 1 <= request.top <= MAX_CANDIDATES:
        raise UsageError(f"{request.top} candidates cannot be asked for; give 1 to {MAX_CANDIDATES}")
    probe = _probe(deployment, reference, request)
    purpose = deployment.purpose(request.purpose)
    use = Use("identify", request.purpose, request.gallery, request.camera, deployment.operator, deployment.now())
    named = warrant(deployment, desk, request.mandate, use)
    with_whom = compared(deployment, request.gallery, request.purpose)
    needed = None if purpose is None else evidence.searched_fmr(purpose, with_whom.subjects)
    found = None if purpose is None else evidence.standing(deployment, purpose, needed)
    details: JSONObject = {
        "purpose": request.purpose,
        "gallery": request.gallery,
        "reason": request.reason,
        "camera": request.camera,
        "probe_reference": reference,
        **evidence.noted(found),
    }
    parts = desk.journal.members.part(request.gallery, request.purpose)
    happening = Happening(
        "identify",
        details,
        parts=parts,
        told=evidence.told(found) | camera_facts.told_of(deployment, request.camera, named),
    )
    out = suspended(deployment, deployment.now())
    _check(deployment, desk, happening, held=out.covers(probe.subject, reference))
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=deployment.gallery_purpose(request.gallery),
        sample=facts.Sample("file"),
        pack_verified=deployment.pipeline.verified,
        reason=request.reason,
        mandate=named.assessment,
        evidence=found.facts if found else None,
        gallery_in_force=in_force(deployment, request.gallery),
        watched=camera_facts.searched(deployment, request.camera, request.purpose, named),
    )
    context = facts.identify_context(recognition, deployment.standard)
    with desk.operation("identify", context, happening, named.held) as act:
        if purpose is None:
            raise AssertionError("rule P1 refuses an unregistered purpose")
        point = search_point(evidence.calibration(deployment, purpose), purpose, with_whom.subjects)
        gallery = act.gallery(request.gallery)
        hits = gallery.search_reference(
            probe,
            threshold=point.threshold,
            k=request.top + 1 + len(out.subjects),
            now=deployment.now(),
            without=out.references,
        )
        others = [hit for hit in out.without(hits) if hit.subject != probe.subject][: request.top]
        whose = subject_of(deployment, gallery, reference) or ""
        named_hits = ((subject_of(deployment, gallery, hit.reference_id), hit) for hit in others)
        candidates = tuple(
            Candidate(who, coarse(hit.score), hit.reference_id, hit.references) for who, hit in named_hits if who
        )
        act.outcome.update({"subjects": with_whom.subjects, "operating_point": point.threshold})
        if whose:
            act.subjects[whose] = {"outcome": "probe", "reference": reference}
        for one in candidates:
            about: JSONObject = {"outcome": "candidate", "reference": one.reference, "references": [*one.references]}
            act.subjects[one.subject] = about
    return ReferenceSearch(probe, whose, candidates, act.entry)


def _probe(deployment: Deployment, reference: str, request: SearchRequest) -> StoredReference:
    try:
        found: StoredReference | None = deployment.store.reference(reference)
    except UsageError:
        found = None
    if found is None or found.gallery != request.gallery or found.expires <= deployment.now():
        # One of another gallery is answered as one that is nowhere: whoever asks may have no business with that.
        raise UsageError(f"the reference {reference} does not exist in the gallery {request.gallery!r}")
    return found


def _check(deployment: Deployment, desk: Desk, happening: Happening, *, held: bool) -> None:
    refusal = None
    if deployment.standard.parameters.people.reviewers:
        refusal = PolicyRefusal(
            "S3", "a stored reference is no photograph that reviewers could look at.", "Search with the photograph."
        )
    elif held:
        refusal = PolicyRefusal(
            "D1",
            "the subject's references are suspended, by an overdue complaint, by a decision or by hand.",
            "Decide the complaint ('faceward complaint list'), or end it with 'faceward subject resume'.",
        )
    if refusal is not None:
        desk.deny(happening, refusal)
        raise refusal
