"""Registering purposes, and the galleries that serve them."""

from __future__ import annotations

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.gallery.store import GalleryInfo
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import calibration
from faceward.operations.journal import Happening
from faceward.policy.facts import purpose_add_context, purpose_context
from faceward.policy.purposes import Purpose, PurposeRequest, new_purpose


def add(deployment: Deployment, desk: Desk, request: PurposeRequest) -> Purpose:
    """Register a purpose.

    Raises:
        UsageError: It exists already, or a value is out of range.
        PolicyRefusal: The standard does not accept its basis (P1) or retention (T1); the refusal is logged.
    """
    named = Happening("purpose.add", {"purpose": request.name, "basis": request.basis, "fmr": request.fmr})
    try:
        purpose = new_purpose(request, deployment.standard, deployment.jurisdiction, deployment.now())
        # A rate that the calibration cannot stand for is refused before anyone relies on it (rule V1).
        calibration(deployment, purpose).at_fmr(purpose.fmr)
    except PolicyRefusal as refusal:
        desk.deny(named, refusal)
        raise
    if deployment.purpose(purpose.name) is not None:
        raise UsageError(f"the purpose {purpose.name!r} is registered already; choose another name")
    facts = purpose_add_context(purpose, deployment.standard, deployment.jurisdiction)
    with desk.operation("purpose.add", facts, Happening("purpose.add", {"purpose": purpose.to_json()})):
        deployment.keep("purpose", purpose.name, purpose.to_json())
    return purpose


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
    """Return all galleries by name."""
    return tuple(deployment.store.galleries())
