"""What the rules ask of cameras: before a watch, and before a search that names one (rules W8, W10, W3, P2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime

from faceward.core.names import normal_name, printable
from faceward.operations import dismissals, gallery_term
from faceward.operations.cameras import as_recorded, find
from faceward.operations.deployment import Deployment
from faceward.operations.followed import followed
from faceward.operations.warrants import Warrant
from faceward.policy.facts import Watched

_ASK = "Ask for another one."


def watched(
    deployment: Deployment,
    cameras: Collection[str],
    gallery: str,
    *,
    purpose: str,
    false_alerts_acceptable: bool,
    mandated: datetime | None = None,
) -> Watched:
    """Return what the rules ask of the cameras and the list of a watch.

    Args:
        deployment: The deployment.
        cameras: Names of the cameras; of none at all nothing holds.
        gallery: The list.
        purpose: Name of the purpose.
        false_alerts_acceptable: Whether false alerts are not above what the purpose accepts (rule W6).
        mandated: When the mandate that was named was requested, UTC; None where none was.
    """
    ends = gallery_term.gallery_end(deployment, gallery)
    return Watched(
        **_of_cameras(deployment, cameras, purpose),
        list_ends=ends is not None,
        list_in_force=ends is not None and deployment.now() < ends,
        cameras_as_mandated=not changed_since(deployment, cameras, mandated),
        false_alerts_acceptable=false_alerts_acceptable,
        alerts_decided=not dismissals.too_many_wait(deployment, purpose),
    )


def searched(deployment: Deployment, camera: str | None, purpose: str, named: Warrant) -> Watched:
    """Return what the rules ask of the camera that a single search or verification names.

    Where a standard lets cameras be watched, its cameras are configured, so that one which is named has to be. Whatever
    does not concern the camera holds, and so does everything where none is named.
    """
    holds = {one.name: True for one in fields(Watched)}
    if camera is None:
        return Watched(**holds)
    if deployment.standard.parameters.video.realtime:
        holds.update(_of_cameras(deployment, (camera,), purpose))
    holds["cameras_as_mandated"] = not changed_since(deployment, (camera,), requested(named))
    return Watched(**holds)


def requested(named: Warrant) -> datetime | None:
    """Return when a mandate was requested, UTC, or None where none is held."""
    return None if named.held is None else named.held.signed.request.created


def changed_since(deployment: Deployment, cameras: Collection[str], mandated: datetime | None) -> tuple[str, ...]:
    """Return the cameras that were configured or materially changed after a moment, by name (rule P2)."""
    if mandated is None:
        return ()
    known = followed(deployment).cameras
    names = sorted({normal_name(name) for name in cameras})
    return tuple(name for name in names if name in known and known[name].changed > mandated)


def told(deployment: Deployment, cameras: Collection[str], named: Warrant) -> dict[str, tuple[str, str]]:
    """Return what a refusal by rule P2 says instead of the rule's own words, where all else of the mandate holds."""
    changed = changed_since(deployment, cameras, requested(named))
    if not changed or not all((named.assessment or {"": False}).values()):
        return {}
    return {"P2": (f"the camera {printable(changed[0])!r} was changed after the mandate was asked for.", _ASK)}


def told_of(deployment: Deployment, camera: str | None, named: Warrant) -> dict[str, tuple[str, str]]:
    """Return what `told` does for a search that names one camera, or none."""
    return {} if camera is None else told(deployment, (camera,), named)


def _of_cameras(deployment: Deployment, cameras: Collection[str], purpose: str) -> Mapping[str, bool]:
    found = [find(deployment, name) for name in cameras]
    known = [camera for camera in found if camera is not None]
    every = bool(found) and len(known) == len(found)
    notices = [camera.notice for camera in known]
    return {
        "cameras_configured": every,
        "cameras_as_recorded": all(as_recorded(deployment, camera.name) for camera in known),
        "notices_recorded": every and all(notice is not None for notice in notices),
        "notices_name_purpose": every and all(notice is not None and notice.names(purpose) for notice in notices),
        "opt_outs_named": every and all(camera.opts_out for camera in known),
    }
