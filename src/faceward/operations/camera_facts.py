"""What the rules ask of cameras: before a watch, and before a search that names one (rules W8, W10, W3, P2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    """Return what a refusal by rule P2 says instead of the rule's own words, where one thing alone is amiss."""
    changed = changed_since(deployment, cameras, requested(named))
    if not changed or not all((named.assessment or {"": False}).values()):
        return {} if changed else named.told
    return {"P2": (f"the camera {printable(changed[0])!r} was changed after the mandate was asked for.", _ASK)}


def told_of(deployment: Deployment, camera: str | None, named: Warrant) -> dict[str, tuple[str, str]]:
    """Return what `told` does for a search that names one camera, or none."""
    return told(deployment, () if camera is None else (camera,), named)


def told_of_watch(
    deployment: Deployment, cameras: Collection[str], purpose: str, named: Warrant, start: str | None
) -> dict[str, tuple[str, str]]:
    """Return what refusals of a watch say instead of the rules' own words: which camera, which mandate.

    Args:
        deployment: The deployment.
        cameras: Names of the cameras.
        purpose: Name of the purpose.
        named: The mandate that was named.
        start: As what it was named.
    """
    found = told(deployment, cameras, named)
    if named.held is None and start is not None:
        reason = f"no mandate, or none alone, has a digest that begins with {printable(start.strip()[:64])!r}."
        found["P2"] = (reason, "'faceward mandate list' shows them.")
    for name in cameras:
        for rule, *words in _amiss(deployment, name, purpose):
            found.setdefault(rule, (words[0], words[1]))
    return found


def _amiss(deployment: Deployment, name: str, purpose: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is amiss with a camera: rule, reason and remedy, in the order of the rules."""
    camera, shown = find(deployment, name), repr(printable(name))
    change = f"'faceward camera change {printable(name)}"
    if camera is None:
        remedy = "Configure it with 'faceward camera add'; 'faceward camera list' names those that are."
        yield "W8", f"a camera is not configured here: {shown}.", remedy
        return
    if camera.notice is None:
        reason = f"the camera {shown} has no notice record: nobody is told of data, outputs, purposes and deletion."
        yield "W8", reason, f"Put up the sign, and record it with {change} --notice notice.toml'."
    elif not camera.notice.names(purpose):
        reason = f"the notice of the camera {shown} does not name this purpose."
        yield "W8", reason, f"Tell people of it on the sign, and record that with {change} --notice notice.toml'."
    if not as_recorded(deployment, camera.name):
        reason = f"a camera's record in gallery.db is not the one that was configured last: {shown}."
        yield "W8", reason, f"It was altered: restore gallery.db, or configure the camera again with {change}'."
    if not camera.opts_out:
        reason = f"there is no way around the camera {shown}: too little is blacked out, and its notice names none."
        yield "W10", reason, f"Give it an --opt-out zone with {change}', or an 'alternative' in its notice."


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
