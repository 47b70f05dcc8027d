"""Faces as CompreFace writes them."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from faceward.core.canonical import JSONValue
from faceward.core.results import FaceReport
from faceward.core.sources import Upload
from faceward.service.compreface.errors import Code, Failure
from faceward.service.compreface.parameters import Parameters
from faceward.service.rekognition.similarity import similarity_of
from faceward.vision.pipeline import ANALYSIS_PIXELS

JSON = dict[str, JSONValue]
T = TypeVar("T")

UNKNOWN = "unknown"
"""The subject of faces that nobody in the gallery resembles."""

_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Look:
    """How faces of one picture are written.

    Attributes:
        parameters: What the client asks.
        scale: Pixels of the file for each pixel in which faces are reported.
        pack: The model pack.
        milliseconds: How long the operation took.
    """

    parameters: Parameters
    scale: float
    pack: str
    milliseconds: float

    def face(self, report: FaceReport, more: Mapping[str, JSONValue]) -> JSON:
        """Return a face: its box, what the plugins asked for tell of it, and more."""
        box, scale = report.face.box, self.scale
        shown: JSON = {
            "box": {
                "probability": round(report.face.confidence, 5),
                "x_max": round(box.x1 * scale),
                "y_max": round(box.y1 * scale),
                "x_min": round(box.x0 * scale),
                "y_min": round(box.y0 * scale),
            },
            **more,
        }
        if "landmarks" in self.parameters.plugins:
            points = np.rint(report.face.landmarks * scale).astype(int).tolist()
            shown["landmarks"] = [[int(x), int(y)] for x, y in points]
        angles = {name: report.quality.components.get(f"pose_{name}") for name in ("pitch", "roll", "yaw")}
        if "pose" in self.parameters.plugins and None not in angles.values():
            shown["pose"] = {**angles}
        if self.parameters.status:
            shown["execution_time"] = {"operation": self.milliseconds}
        return shown

    def answer(self, result: list[JSONValue]) -> JSON:
        """Return the answer that holds faces."""
        return {"result": result, **self.versions}

    @property
    def versions(self) -> JSON:
        """What the status tells of the model pack, where it was asked for."""
        if not self.parameters.status:
            return {}
        return {"plugins_versions": {"detector": self.pack, "calculator": self.pack}}


def kept(faces: Iterable[tuple[FaceReport, T]], asked: Parameters) -> list[tuple[FaceReport, T]]:
    """Return the faces that a client wants to hear of, in their order.

    Raises:
        Failure: There are none.
    """
    found = [one for one in faces if one[0].face.confidence >= asked.det_prob_threshold]
    if not found:
        raise Failure(Code.NO_FACES_FOUND, "No face is found in the given image")
    if not asked.limit:
        return found
    largest = sorted(found, key=lambda one: -one[0].face.box.area)[: asked.limit]
    chosen = {id(one) for one in largest}
    return [one for one in found if id(one) in chosen]


def scale_of(picture: Upload) -> float:
    """Return how many pixels of the file one pixel of its analysis stands for.

    Args:
        picture: A picture that was decoded, so that it is one.
    """
    # The header alone is read. Faces are reported in pixels of the picture as it was analysed, and a large one is
    # analysed smaller.
    with Image.open(io.BytesIO(picture.data)) as opened:
        width, height = opened.size
    return max(1.0, math.sqrt(width * height / ANALYSIS_PIXELS))


def similarity(fmr: float | None) -> float:
    """Return the similarity, 0 to 1, that stands for a false-match rate; 0 where there is none.

    It is the percentage of `rekognition.similarity` as a fraction: 0.99 stands for an FMR of 1e-4 with every pack.
    """
    return 0.0 if fmr is None else round(similarity_of(fmr) / _PERCENT, 4)


def image_id(reference: str) -> str:
    """Return a reference's identifier in the form of a UUID."""
    return str(uuid.UUID(hex=reference))


def reference_of(image: str) -> str:
    """Return the reference that an image id names.

    Raises:
        Failure: It is no UUID, so that there is none.
    """
    try:
        return uuid.UUID(image).hex
    except ValueError:
        raise Failure(Code.EMBEDDING_NOT_FOUND, "Image Id is incorrect") from None
