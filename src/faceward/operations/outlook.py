"""What a search would lack, told before anybody makes it: nothing is done, and nothing is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.errors import PolicyRefusal
from faceward.core.request_results import RequestView
from faceward.operations import camera_facts, evidence
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.gallery_term import in_force
from faceward.operations.identification import SearchRequest, compared
from faceward.operations.journal import Happening
from faceward.operations.mandates import Mandates
from faceward.operations.request_views import APPROVED, WAITING
from faceward.operations.warrants import warrant
from faceward.policy import facts, review_probe
from faceward.policy.mandates import Use

_FILE = "file"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What stands in the way of a search, as far as it can be told before a picture is there.

    Attributes:
        refusals: What each rule that would refuse it says.
        mandate_needed: The standard asks for a mandate.
        mandates: The mandates that cover it now, oldest first.
        subjects: With how many subjects it would compare.
    """

    refusals: tuple[PolicyRefusal, ...]
    mandate_needed: bool
    mandates: tuple[RequestView, ...]
    subjects: int


def of_search(deployment: Deployment, desk: Desk, request: SearchRequest) -> Outlook:
    """Return what a search would lack; see `identification.identify`, which alone decides.

    Where the request names no mandate and one covers it, it is judged as if it named that.
    """
    needed = "identify" in deployment.standard.parameters.mandate.required
    use = Use("identify", request.purpose, request.gallery, request.camera, deployment.operator, deployment.now())
    mandates = covering(deployment, desk, use) if needed else ()
    chosen = request.mandate or (mandates[0].digest if mandates else None)
    purpose = deployment.purpose(request.purpose)
    known = deployment.gallery_note(request.gallery) is not None
    subjects = compared(deployment, request.gallery, request.purpose).subjects if known else 0
    found = (
        None if purpose is None else evidence.standing(deployment, purpose, evidence.searched_fmr(purpose, subjects))
    )
    named = warrant(deployment, desk, chosen, use)
    recognition = facts.Recognition(
        purpose=purpose,
        gallery_purpose=deployment.gallery_purpose(request.gallery),
        sample=facts.Sample(_FILE),
        pack_verified=deployment.pipeline.verified,
        reason=request.reason,
        mandate=named.assessment,
        evidence=found.facts if found else None,
        gallery_in_force=in_force(deployment, request.gallery),
        watched=camera_facts.searched(deployment, request.camera, request.purpose, named),
    )
    context = facts.identify_context(recognition, deployment.standard)
    happening = Happening(
        "identify", {}, told=evidence.told(found) | camera_facts.told_of(deployment, request.camera, named)
    )
    return Outlook(_of_kind(request.kind) + desk.refusals("identify", context, happening), needed, mandates, subjects)


def covering(deployment: Deployment, desk: Desk, use: Use) -> tuple[RequestView, ...]:
    """Return the mandates that cover a use now, oldest first."""
    desks = Mandates(deployment, desk)
    hopeful = (shown for shown in desks.listed() if shown.state in (APPROVED, WAITING))
    return tuple(shown for shown in hopeful if all(desks.named(shown.digest, use).facts.values()))


def _of_kind(kind: str) -> tuple[PolicyRefusal, ...]:
    try:
        review_probe.check_kind(kind)
    except PolicyRefusal as refusal:
        return (refusal,)
    return ()
