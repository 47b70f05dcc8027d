"""Registering purposes, and the galleries that serve them."""

from __future__ import annotations

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.gallery.store import GalleryInfo
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import calibration, changing, of_pack
from faceward.operations.journal import Happening
from faceward.operations.thresholds import lowered
from faceward.policy.facts import purpose_add_context, purpose_context
from faceward.policy.purposes import Purpose, PurposeRequest, new_purpose
from faceward.vision.calibration import Calibration


def add(deployment: Deployment, desk: Desk, request: PurposeRequest) -> Purpose:
    """Register a purpose.

    Raises:
        UsageError: It exists already, or a value is out of range.
        PolicyRefusal: The standard does not accept its basis (P1) or retention (T1), or scores would count more than
            by the model pack (S1); the refusal is logged.
    """
    named = Happening("purpose.add", {"purpose": request.name, "basis": request.basis, "fmr": request.fmr})
    with changing(deployment):
        return _added(deployment, desk, request, named)


def _added(deployment: Deployment, desk: Desk, request: PurposeRequest, named: Happening) -> Purpose:
    try:
        purpose = new_purpose(request, deployment.standard, deployment.jurisdiction, deployment.now())
        # A rate that the calibration cannot stand for is refused before anyone relies on it (rule V1).
        found = calibration(deployment, purpose)
        found.at_fmr(purpose.fmr)
        _require_no_lower(deployment, purpose, found)
    except PolicyRefusal as refusal:
        desk.deny(named, refusal)
        raise
    if deployment.purpose(purpose.name) is not None:
        raise UsageError(f"the purpose {purpose.name!r} is registered already; choose another name")
    facts = purpose_add_context(purpose, deployment.standard, deployment.jurisdiction)
    with desk.operation("purpose.add", facts, Happening("purpose.add", {"purpose": purpose.to_json()})):
        deployment.keep("purpose", purpose.name, purpose.to_json())
    return purpose


def _require_no_lower(deployment: Deployment, purpose: Purpose, found: Calibration) -> None:
    """Refuse a purpose by which scores count more than by the pack: one person registers it (rule S1).

    Evidence that waited for a purpose of its camera class would otherwise count without a second person. Evidence of
    a pack without a calibration of its own had one.
    """
    own = of_pack(deployment)
    if own is None or not lowered(own, found) or not deployment.custody.status().manned:
        return
    raise PolicyRefusal(
        "S1",
        f"by evidence of the camera class {purpose.camera_class!r} scores count more than by the model pack.",
        "Register it with a camera class that has no evaluation yet, then 'faceward purpose change NAME --camera-class "
        "CLASS', which another person approves.",
    )


def listed(deployment: Deployment) -> tuple[Purpose, ...]:
    """Return all registered purposes by name."""
    found = (deployment.purpose(name) for name in deployment.store.documents("purpose"))
    return tuple(purpose for purpose in found if purpose is not None)


def ensure_gallery(deployment: Deployment, desk: Desk, name: str, purpose: Purpose | None) -> str:
    """Return a gallery's checked name, creating the gallery for a purpose if there is none of this name.

    Raises:
        PolicyRefusal: The purpose is not registered (P1).
    """
    name = check_name(name, "gallery")
    if deployment.gallery_note(name) is None or name not in {g.name for g in deployment.store.galleries()}:
        happening = Happening("gallery.create", {"gallery": name, "purpose": purpose.name if purpose else None})
        facts = purpose_context(purpose, deployment.standard)
        with desk.operation("gallery.create", facts, happening) as act:
            if purpose is not None:
                act.create_gallery(name, purpose.name)
    return name


def galleries(deployment: Deployment) -> tuple[GalleryInfo, ...]:
    """Return all galleries by name, without those that were deleted."""
    noted = deployment.store.documents("gallery")
    return tuple(info for info in deployment.store.galleries() if info.name in noted)
