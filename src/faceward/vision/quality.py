"""Quality components of a face that need no network, by the names of ISO/IEC 29794-5:2025.

The components are measured on the luminance of an aligned chip. Where the standard computes a component with a
trained model
(sharpness) the measure here is a plain one of the same name and meaning; the range is stated for each.
"""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from faceward.core.faces import Face, FloatArray, ImageArray, Quality
from faceward.vision.align import ARCFACE_112, chip, similarity
from faceward.vision.wiping import wipe

# Component → what it is, in the order they are shown.
COMPONENTS = MappingProxyType(
    {
        "inter_eye_distance": "pixels between the eye centres, in the file's own resolution",
        "sharpness": "0 blurred to 1 sharp: energy of the Laplacian against the variance of luminance",
        "illumination_uniformity": "0 to 1: what the histograms of the two halves of the face have in common",
        "under_exposure": "0 to 1: share of the face that is not too dark (luminance above 25)",
        "over_exposure": "0 to 1: share of the face that is not too bright (luminance below 247)",
        "pose_yaw": "degrees that the head is turned to its left (positive) or right, from the landmarks",
        "pose_pitch": "degrees that the head is raised (positive) or lowered, from the landmarks",
        "pose_roll": "degrees that the head is tilted clockwise in the picture, from the landmarks",
        "face_cropping": "0 to 1: share of the face that lies within the picture",
    }
)

_CHIP = 112
_BINS = 32
_SHARPNESS_HALF = 0.06
# Mean positions of the five points on an adult head in millimetres: x to the viewer's right, y down, z away from the
# camera.
_HEAD = np.array(
    [[-31.0, -35.0, 36.0], [31.0, -35.0, 36.0], [0.0, 2.5, 0.0], [-24.0, 33.0, 28.0], [24.0, 33.0, 28.0]],
    dtype=np.float64,
)
_HEAD_PSEUDO_INVERSE = np.linalg.pinv(_HEAD - _HEAD.mean(axis=0))


def assess(pixels: ImageArray, face: Face, scale: float = 1.0) -> Quality:
    """Measure the quality components of one face.

    Args:
        pixels: RGB, shape (height, width, 3).
        face: The face in these pixels.
        scale: Pixels here for each pixel of the file, for the inter-eye distance.

    Returns:
        All of `COMPONENTS`, each in the range stated there.
    """
    luminance = _luminance(_native_chip(pixels, face.landmarks))
    left, right = np.array_split(luminance, 2, axis=1)
    placed = geometry(face, (pixels.shape[1], pixels.shape[0]), scale)
    found = Quality(
        MappingProxyType(
            {
                "inter_eye_distance": placed["inter_eye_distance"],
                "sharpness": round(_sharpness(luminance), 4),
                "illumination_uniformity": round(_common(left, right), 4),
                "under_exposure": round(1.0 - float((luminance <= 25).mean()), 4),
                "over_exposure": round(1.0 - float((luminance >= 247).mean()), 4),
                **{name: placed[name] for name in ("pose_yaw", "pose_pitch", "pose_roll", "face_cropping")},
            }
        )
    )
    wipe(luminance)
    return found


def geometry(face: Face, size: tuple[int, int], scale: float = 1.0) -> dict[str, float]:
    """Return the components that a face's landmarks and place alone tell, at no cost; see `assess`.

    Args:
        face: The face.
        size: Width and height of its picture in pixels.
        scale: Pixels there for each pixel of the file.
    """
    yaw, pitch, roll = head_pose(face.landmarks)
    return {
        "inter_eye_distance": round(float(np.hypot(*(face.landmarks[1] - face.landmarks[0]))) / scale, 1),
        "pose_yaw": round(yaw, 1),
        "pose_pitch": round(pitch, 1),
        "pose_roll": round(roll, 1),
        "face_cropping": round(_inside(face, *size), 4),
    }


def head_pose(landmarks: FloatArray) -> tuple[float, float, float]:
    """Estimate yaw, pitch and roll in degrees from five landmarks, shape (5, 2).

    Scaled orthography: the least-squares affine camera from a mean head to the points, brought to the nearest rotation
    (T. D. Alter, MIT AI Memo 1378, 1992, for the model). Individual proportions leave an uncertainty of some degrees.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    affine = (points - points.mean(axis=0)).T @ _HEAD_PSEUDO_INVERSE.T
    left, values, right = np.linalg.svd(affine, full_matrices=False)
    if values[0] < 1e-9:
        return 0.0, 0.0, 0.0
    rows = left @ right
    forward = np.cross(rows[0], rows[1])
    # The nose, nearest to the camera, moves to the viewer's right when the head turns to its left.
    yaw = -math.degrees(math.atan2(rows[0, 2], forward[2]))
    pitch = math.degrees(math.asin(float(np.clip(rows[1, 2], -1, 1))))
    eyes = points[1] - points[0]
    roll = math.degrees(math.atan2(eyes[1], eyes[0]))
    return yaw, pitch, roll


def _native_chip(pixels: ImageArray, landmarks: FloatArray) -> ImageArray:
    """Align without enlarging: interpolation would hide the lack of detail from nothing but the inter-eye distance."""
    factor = float(np.sqrt(abs(np.linalg.det(similarity(landmarks, ARCFACE_112)[:, :2]))))
    size = int(np.clip(round(_CHIP / max(factor, 1e-6)), 16, _CHIP))
    return chip(pixels, landmarks, ARCFACE_112 * (size / _CHIP), size)


def _luminance(pixels: ImageArray) -> npt.NDArray[np.float32]:
    """Luma of ITU-R BT.601, 0 to 255."""
    samples = pixels.astype(np.float32)
    found = np.asarray(samples @ np.array([0.299, 0.587, 0.114], dtype=np.float32))
    wipe(samples)
    return found


def _sharpness(luminance: npt.NDArray[np.float32]) -> float:
    core = luminance[1:-1, 1:-1]
    laplacian = 4 * core - luminance[:-2, 1:-1] - luminance[2:, 1:-1] - luminance[1:-1, :-2] - luminance[1:-1, 2:]
    # The floor keeps sensor noise on a flat surface from counting as detail.
    ratio = float((laplacian**2).mean()) / max(float(core.var()), 25.0)
    return ratio / (ratio + _SHARPNESS_HALF)


def _common(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> float:
    counts = [np.histogram(half, bins=_BINS, range=(0, 256))[0] / half.size for half in (left, right)]
    return float(np.minimum(*counts).sum())


def _inside(face: Face, width: int, height: int) -> float:
    box = face.box
    across = min(box.x1, width) - max(box.x0, 0.0)
    down = min(box.y1, height) - max(box.y0, 0.0)
    return max(0.0, across) * max(0.0, down) / box.area if box.area > 0 else 0.0
