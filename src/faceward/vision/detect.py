"""Face detectors: CenterFace and networks of YuNet's form.

Both return boxes with five landmarks. A detector is built from a session and works on one picture at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from faceward.core.errors import IntegrityError
from faceward.core.faces import Box, Face, FloatArray, ImageArray
from faceward.vision.session import Session
from faceward.vision.wiping import wipe

_NMS_OVERLAP = 0.3
# Sizes are logarithms; no face is e^12 cells wide.
_LOG_LARGEST = 12.0


class Detector(Protocol):
    """Finds faces in a picture at its own resolution."""

    def detect(self, pixels: ImageArray, threshold: float) -> tuple[Face, ...]:
        """Find faces.

        Args:
            pixels: RGB, shape (height, width, 3).
            threshold: Smallest confidence, 0 to 1.

        Returns:
            Faces without duplicates, most confident first.
        """
        ...


def _padded_planes(pixels: ImageArray, multiple: int, swap: bool) -> FloatArray:
    """Return NCHW float32 with black below and to the right, each side a multiple of `multiple`."""
    height, width = pixels.shape[:2]
    planes = np.zeros((1, 3, -(-height // multiple) * multiple, -(-width // multiple) * multiple), dtype=np.float32)
    source = pixels[:, :, ::-1] if swap else pixels
    planes[0, :, :height, :width] = source.transpose(2, 0, 1)
    return planes


def _run(session: Session, planes: FloatArray) -> list[FloatArray]:
    """Run a detector, and overwrite what it was given."""
    try:
        return session.run({session.inputs[0][0]: planes})
    finally:
        wipe(planes)


def suppress(boxes: FloatArray, scores: FloatArray, overlap: float = _NMS_OVERLAP) -> list[int]:
    """Greedy non-maximum suppression.

    Args:
        boxes: Corners x0, y0, x1, y1, shape (n, 4).
        scores: Shape (n,).
        overlap: Intersection over union from which the lower score is dropped.

    Returns:
        Indices that remain, highest score first; ties keep their order.
    """
    order = np.argsort(-scores, kind="stable")
    areas = np.maximum(0, boxes[:, 2] - boxes[:, 0]) * np.maximum(0, boxes[:, 3] - boxes[:, 1])
    keep: list[int] = []
    while order.size:
        first, rest = int(order[0]), order[1:]
        keep.append(first)
        width = np.minimum(boxes[first, 2], boxes[rest, 2]) - np.maximum(boxes[first, 0], boxes[rest, 0])
        height = np.minimum(boxes[first, 3], boxes[rest, 3]) - np.maximum(boxes[first, 1], boxes[rest, 1])
        common = np.maximum(0, width) * np.maximum(0, height)
        union = areas[first] + areas[rest] - common
        order = rest[common <= overlap * union]
    return keep


def _faces(boxes: FloatArray, landmarks: FloatArray, scores: FloatArray) -> tuple[Face, ...]:
    # A network may overflow where it finds nothing; what is no number has no place in a picture.
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(landmarks).all(axis=(1, 2)) & np.isfinite(scores)
    boxes, landmarks, scores = boxes[finite], landmarks[finite], scores[finite]
    return tuple(
        Face(
            Box(*(float(v) for v in boxes[i])),
            np.ascontiguousarray(landmarks[i], dtype=np.float32),
            min(1.0, float(scores[i])),
        )
        for i in suppress(boxes, scores)
    )


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise IntegrityError(f"the model {name} answers in another form than its pack's manifest says; verify the pack")


class CenterFace:
    """CenterFace (Xu et al., 2019, arXiv:1911.03599): a heat map of face centres at a quarter of the resolution."""

    _STRIDE = 4

    def __init__(self, session: Session) -> None:
        if len(session.inputs) != 1 or len(session.outputs) != 4:
            raise IntegrityError(f"the model {session.name} has not CenterFace's form: one input and four outputs")
        self._session = session

    def detect(self, pixels: ImageArray, threshold: float) -> tuple[Face, ...]:
        """Find faces; see `Detector.detect`."""
        planes = _padded_planes(pixels, 32, swap=False)
        heat, scale, offset, points = outputs = _run(self._session, planes)
        cells = (planes.shape[2] // self._STRIDE, planes.shape[3] // self._STRIDE)
        for output, channels in zip(outputs, (1, 2, 2, 10), strict=True):
            _require(output.shape == (1, channels, *cells), self._session.name)
        rows, columns = np.nonzero(heat[0, 0] > threshold)
        if not rows.size:
            return ()
        heights, widths = (np.exp(np.minimum(scale[0, k, rows, columns], _LOG_LARGEST)) * self._STRIDE for k in (0, 1))
        top = (rows + offset[0, 0, rows, columns] + 0.5) * self._STRIDE - heights / 2
        left = (columns + offset[0, 1, rows, columns] + 0.5) * self._STRIDE - widths / 2
        raw = points[0][:, rows, columns]
        landmarks = np.stack([raw[1::2] * widths + left, raw[0::2] * heights + top], axis=2).transpose(1, 0, 2)
        boxes = np.stack([left, top, left + widths, top + heights], axis=1).astype(np.float32)
        return _faces(boxes, landmarks, heat[0, 0, rows, columns])


class YuNet:
    """YuNet (Wu, Peng and Yu, 2023, Machine Intelligence Research 20): anchor-free heads at strides 8, 16 and 32."""

    _STRIDES = (8, 16, 32)

    def __init__(self, session: Session) -> None:
        names = [name for name, _ in session.outputs]
        wanted = [f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in self._STRIDES]
        if len(session.inputs) != 1 or set(wanted) - set(names):
            raise IntegrityError(f"the model {session.name} has not YuNet's form: outputs {', '.join(wanted)}")
        self._session, self._order = session, [names.index(name) for name in wanted]
        shape = session.inputs[0][1]
        _require(len(shape) == 4, session.name)
        # Some exports fix the input's size; the picture is then laid into it as a whole.
        self._fixed = (int(shape[2]), int(shape[3])) if all(isinstance(n, int) for n in shape[2:]) else None

    def detect(self, pixels: ImageArray, threshold: float) -> tuple[Face, ...]:
        """Find faces; see `Detector.detect`."""
        ratio = 1.0
        if self._fixed is not None:
            pixels, ratio = _fitted(pixels, self._fixed)
        planes = _padded_planes(pixels, 32, swap=True)
        if self._fixed is not None and planes.shape[2:] != self._fixed:
            grown = np.zeros((1, 3, *self._fixed), dtype=np.float32)
            grown[:, :, : planes.shape[2], : planes.shape[3]] = planes
            wipe(planes)
            planes = grown
        raw = _run(self._session, planes)
        heads = [raw[i] for i in self._order]
        for index, head in enumerate(heads):
            stride, length = self._STRIDES[index % 3], (1, 1, 4, 10)[index // 3]
            cells = (planes.shape[2] // stride) * (planes.shape[3] // stride)
            _require(head.shape == (1, cells, length), self._session.name)
        parts = [
            self._decode(heads[k::3], stride, planes.shape[3] // stride, threshold)
            for k, stride in enumerate(self._STRIDES)
        ]
        boxes, landmarks, scores = (np.concatenate(group) for group in zip(*parts, strict=True))
        share = np.float32(1 / ratio)
        return _faces(boxes * share, landmarks * share, scores) if len(scores) else ()

    @staticmethod
    def _decode(
        heads: Sequence[FloatArray], stride: int, columns: int, threshold: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        classes, objects, boxes, points = (head.reshape(-1, head.shape[-1]) for head in heads)
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        chosen = np.nonzero(scores > threshold)[0]
        cells = np.stack([chosen % columns, chosen // columns], axis=1).astype(np.float32)
        centres = (cells + boxes[chosen, :2]) * stride
        sizes = np.exp(np.minimum(boxes[chosen, 2:4], _LOG_LARGEST)) * stride
        landmarks = (points[chosen].reshape(-1, 5, 2) + cells[:, None, :]) * stride
        return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1), landmarks, scores[chosen]


def _fitted(pixels: ImageArray, size: tuple[int, int]) -> tuple[ImageArray, float]:
    from faceward.vision.scaling import resized  # noqa: PLC0415 - only fixed-size exports need it

    ratio = min(size[0] / pixels.shape[0], size[1] / pixels.shape[1])
    width, height = max(1, int(pixels.shape[1] * ratio)), max(1, int(pixels.shape[0] * ratio))
    return resized(pixels, width, height), ratio
