"""Faces as the interface shows them: boxes and points as shares of the picture, quality from 0 to 100."""

from __future__ import annotations

import math

from faceward.core.faces import LANDMARK_NAMES, Box
from faceward.core.results import FaceReport
from faceward.gallery.store import StoredReference
from faceward.policy.quality import Floor, check_floors
from faceward.service.rekognition import names

Shape = dict[str, object]
Size = tuple[int, int]

# Ours are the subject's right and left, theirs the viewer's.
_LANDMARKS = {
    "right_eye": "eyeLeft",
    "left_eye": "eyeRight",
    "nose": "nose",
    "mouth_right": "mouthLeft",
    "mouth_left": "mouthRight",
}
_REASONS = {
    "inter_eye_distance": "SMALL_BOUNDING_BOX",
    "sharpness": "LOW_SHARPNESS",
    "illumination_uniformity": "LOW_BRIGHTNESS",
    "under_exposure": "LOW_BRIGHTNESS",
    "pose_yaw": "EXTREME_POSE",
    "pose_pitch": "EXTREME_POSE",
    "pose_roll": "EXTREME_POSE",
}
_OTHER_REASON = "LOW_FACE_QUALITY"


def box(face: Box, size: Size) -> Shape:
    """Return a `BoundingBox`; it may reach beyond the picture, as the face does."""
    width, height = size
    return {
        "Width": round(face.width / width, 6),
        "Height": round(face.height / height, 6),
        "Left": round(face.x0 / width, 6),
        "Top": round(face.y0 / height, 6),
    }


def confidence(report: FaceReport) -> float:
    """Return the detector's score from 0 to 100."""
    return round(min(1.0, max(0.0, report.face.confidence)) * 100, 4)


def landmarks(report: FaceReport, size: Size) -> list[Shape]:
    """Return the five points."""
    width, height = size
    return [
        {"Type": _LANDMARKS[name], "X": round(float(x) / width, 6), "Y": round(float(y) / height, 6)}
        for name, (x, y) in zip(LANDMARK_NAMES, report.face.landmarks, strict=True)
    ]


def pose(report: FaceReport) -> Shape:
    """Return `Pose` in degrees; Yaw is positive to the viewer's right, as theirs is."""
    quality = report.quality.components
    return {
        "Roll": _degrees(quality.get("pose_roll", 0.0)),
        "Yaw": _degrees(quality.get("pose_yaw", 0.0)),
        "Pitch": _degrees(quality.get("pose_pitch", 0.0)),
    }


def quality(report: FaceReport) -> Shape:
    """Return `Quality`: brightness from how little of the face is too dark, and sharpness."""
    components = report.quality.components
    return {
        "Brightness": _percent(components.get("under_exposure", 0.0)),
        "Sharpness": _percent(components.get("sharpness", 0.0)),
    }


def detail(report: FaceReport, size: Size) -> Shape:
    """Return a `FaceDetail`: what is measured, and nothing that would be guessed of a person (rule P4)."""
    return {
        "BoundingBox": box(report.face.box, size),
        "Landmarks": landmarks(report, size),
        "Pose": pose(report),
        "Quality": quality(report),
        "Confidence": confidence(report),
    }


def compared_face(report: FaceReport, size: Size) -> Shape:
    """Return a `ComparedFace`."""
    return detail(report, size)


def stored_face(reference: StoredReference, subject: str | None, version: str) -> Shape:
    """Return a `Face` of what is stored; no box is kept of a picture."""
    shown: Shape = {
        "FaceId": names.face_id(reference.reference_id),
        "ImageId": names.image_id(reference.sample),
        "IndexFacesModelVersion": version,
    }
    external = None if subject is None else names.external_of(subject)
    return shown if external is None else {**shown, "ExternalImageId": external}


def reasons(report: FaceReport, floors: tuple[Floor, ...]) -> list[str]:
    """Return why a face is not good enough, in the interface's words."""
    short = check_floors(report.quality.components, floors)
    found = dict.fromkeys(_REASONS.get(one.component, _OTHER_REASON) for one in short)
    return list(found) or [_OTHER_REASON]


def _degrees(value: float) -> float:
    return round(max(-180.0, min(180.0, value)), 3) if math.isfinite(value) else 0.0


def _percent(value: float) -> float:
    return round(max(0.0, min(1.0, value)) * 100, 3) if math.isfinite(value) else 0.0
