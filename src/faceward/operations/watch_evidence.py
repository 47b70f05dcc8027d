"""What evidence says of watching (rule V1): for the rate of one comparison of a track, and the class of the cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from faceward.core.evidence_results import WatchEvidence
from faceward.operations import cameras, evidence
from faceward.operations.deployment import Deployment
from faceward.policy.cameras import Camera
from faceward.policy.evidence import Candidate, Evidence
from faceward.policy.purposes import ANY_CAMERA, Purpose
from faceward.policy.watching import MOST_COMPARISONS
from faceward.vision.calibration import fmr_for


def track_fmr(purpose: Purpose, size: int) -> float:
    """Return the FMR that one comparison of a track needs (rule V1).

    Args:
        purpose: The purpose.
        size: Subjects that are compared.
    """
    return min(purpose.fmr / MOST_COMPARISONS, fmr_for(purpose.fpir / MOST_COMPARISONS, size))


def standing(
    deployment: Deployment, purpose: Purpose, found: Mapping[str, Camera], size: int, pool: Sequence[Candidate]
) -> Evidence:
    """Say whether a watch may rest on what is on record (rule V1).

    Args:
        deployment: The deployment.
        purpose: The purpose.
        found: The cameras by name.
        size: Subjects that are compared.
        pool: The evaluations; see `evidence.candidates`.
    """
    judged, classes = of_class(purpose, found)
    rests = evidence.standing(deployment, judged, track_fmr(purpose, size), pool)
    if len(classes) > 1:
        reason = f"purpose and cameras are of several camera classes ({', '.join(classes)}), an evaluation is of one."
        remedy = "Watch with cameras of one class, for a purpose of that class."
    elif (narrow := _narrower(rests, found)) is not None:
        camera, measured = narrow
        reason = f"the camera {camera!r} names no class, and the evaluation is of {measured!r} alone."
        remedy = "Name its class: 'faceward camera change NAME --class CLASS'; or evaluate on pictures of any class."
    else:
        return rests
    return Evidence(
        good=False,
        facts=MappingProxyType({**rests.facts, "of_camera_class": False}),
        reason=reason,
        remedy=remedy,
        chosen=rests.chosen,
    )


def _narrower(rests: Evidence, found: Mapping[str, Camera]) -> tuple[str, str] | None:
    """Return a camera that names no class, and the class of the evaluation, where that speaks of one class alone."""
    measured = ANY_CAMERA if rests.chosen is None else rests.chosen.evaluation.data.camera_class
    unnamed = sorted(name for name, camera in found.items() if camera.camera_class == ANY_CAMERA)
    return (unnamed[0], measured) if unnamed and measured != ANY_CAMERA else None


def of_class(purpose: Purpose, found: Mapping[str, Camera]) -> tuple[Purpose, tuple[str, ...]]:
    """Return the purpose with the class that its cameras are of, and all classes that are named."""
    classes = sorted({purpose.camera_class, *(camera.camera_class for camera in found.values())} - {ANY_CAMERA})
    return (replace(purpose, camera_class=classes[0]) if len(classes) == 1 else purpose), tuple(classes)


def of_purpose(deployment: Deployment, purpose: Purpose, size: int, pool: Sequence[Candidate]) -> WatchEvidence | None:
    """Return whether cameras may be watched for a purpose by what is on record; None where the standard watches none.

    It is judged for the cameras whose notice names the purpose, those of each class by themselves as they would be
    watched; where there is none, for a camera of the purpose's own class. The first that may not be watched is told.

    Args:
        deployment: The deployment.
        purpose: The purpose.
        size: Subjects of its largest gallery.
        pool: The evaluations; see `evidence.candidates`.
    """
    if not deployment.standard.parameters.video.realtime:
        return None
    named = [camera for camera in cameras.every(deployment) if camera.notice and camera.notice.names(purpose.name)]
    groups = [
        {camera.name: camera for camera in named if camera.camera_class == one}
        for one in sorted({camera.camera_class for camera in named})
    ]
    judged = [standing(deployment, purpose, group, size, pool) for group in groups or [{}]]
    found = next((one for one in judged if not one.good), judged[0])
    return WatchEvidence(track_fmr(purpose, size), found.good, found.reason, found.remedy)
