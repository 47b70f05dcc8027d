"""What vision finds in a picture: boxes, landmarks, quality, features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ImageArray = npt.NDArray[np.uint8]

LANDMARK_NAMES = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of the upright picture; `x1`, `y1` are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in pixels, zero for an inverted box."""
        return max(0.0, self.width) * max(0.0, self.height)

    def moved(self, across: float, down: float) -> Box:
        """Return the box so many pixels to the right and down, as of a larger picture that begins there."""
        return Box(self.x0 + across, self.y0 + down, self.x1 + across, self.y1 + down)

    def overlap(self, other: Box) -> float:
        """Return intersection over union, 0 to 1."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        common = max(0.0, width) * max(0.0, height)
        union = self.area + other.area - common
        return common / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face.

    Attributes:
        box: Where it is, in pixels of the upright picture.
        landmarks: Five points in the order of `LANDMARK_NAMES`, shape (5, 2), x then y, in pixels. Right and left are
            the subject's, as in ISO/IEC 39794-5, so the right eye is on the viewer's left.
        confidence: The detector's score, 0 to 1. Not a probability.
    """

    box: Box
    landmarks: FloatArray
    confidence: float

    def moved(self, across: float, down: float) -> Face:
        """Return the face so many pixels to the right and down; see `Box.moved`."""
        shift = np.array([across, down], dtype=np.float32)
        return Face(self.box.moved(across, down), self.landmarks + shift, self.confidence)


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality components of one face, by the names of ISO/IEC 29794-5 where one fits."""

    components: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Sample:
    """A face made ready for comparison.

    Attributes:
        face: Where it was found.
        quality: Its quality components.
        features: Shape (d,), float32, of length 0.5 to 1; a score is an inner product. Never written unprotected.
        pack: Identifier of the model pack that made them.
    """

    face: Face
    quality: Quality
    features: FloatArray
    pack: str
