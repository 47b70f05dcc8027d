"""Features from aligned chips, by any network of the ArcFace kind."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from faceward.core.errors import IntegrityError
from faceward.core.faces import FloatArray, ImageArray
from faceward.vision.align import chip
from faceward.vision.batching import Batcher
from faceward.vision.networks import EmbedderSpec
from faceward.vision.session import Session
from faceward.vision.wiping import lengths, wipe

# Larger batches gain nothing on a processor and cost memory.
_BATCH = 16


class Embedder:
    """An embedding network with its form of input."""

    def __init__(self, session: Session, spec: EmbedderSpec) -> None:
        if len(session.inputs) != 1:
            raise IntegrityError(f"the model {session.name} has {len(session.inputs)} inputs; an embedding has one")
        self._session, self._spec = session, spec
        shape = session.inputs[0][1]
        if len(shape) != 4:
            raise IntegrityError(f"the model {session.name} takes no pictures: its input has {len(shape)} dimensions")
        first = shape[0]
        self._batch = first if isinstance(first, int) else _BATCH
        # Faces of pictures that several threads work on at once share a run where they would wait for each other.
        self._infer = Batcher(self._first_output, max(1, os.cpu_count() or 1), self._batch)

    def features(self, pixels: ImageArray, landmarks: Sequence[FloatArray]) -> FloatArray:
        """Return unit features of faces of one picture, shape (n, d), averaged over the pack's views of each.

        Args:
            pixels: RGB, shape (height, width, 3).
            landmarks: Five points of each face, shape (5, 2), pixels.

        Raises:
            IntegrityError: See `embed`.
        """
        # A picture of a crowd is worked on by a few faces at a time, which bounds the memory of their chips.
        step = max(1, _BATCH // len(self._spec.views))
        groups = [landmarks[i : i + step] for i in range(0, len(landmarks), step)]
        found = np.zeros((len(landmarks), self._spec.dimension), dtype=np.float32)
        for place, group in enumerate(groups):
            chips = np.stack([self._views(pixels, points) for points in group])
            try:
                part = self.embed(chips)
            finally:
                wipe(chips)
            found[place * step : place * step + len(group)] = part
            wipe(part)
        return found

    def _views(self, pixels: ImageArray, landmarks: FloatArray) -> ImageArray:
        spec, centre = self._spec, (self._spec.size - 1) / 2
        chips = {
            scale: chip(pixels, landmarks, (spec.template - centre) * scale + centre, spec.size)
            for scale in {view.scale for view in spec.views}
        }
        return np.stack([chips[view.scale][:, :: -1 if view.mirrored else 1] for view in spec.views])

    def embed(self, chips: ImageArray) -> FloatArray:
        """Return unit features, shape (n, d), each of the average over a face's views.

        Args:
            chips: Aligned RGB chips, shape (n, views, size, size, 3).

        Raises:
            IntegrityError: The network's output has another length than its manifest states, or is not finite.
        """
        planes = chips.reshape(-1, *chips.shape[2:])
        parts = [self._run(planes[i : i + self._batch]) for i in range(0, len(planes), self._batch)]
        raw = np.concatenate(parts)
        wipe(*parts)
        if (
            raw.ndim != 2
            or raw.dtype.kind not in "fiu"
            or raw.shape != (len(planes), self._spec.dimension)
            or not np.isfinite(raw).all()
        ):
            raise IntegrityError(
                f"the model {self._session.name} gives features of another form than its manifest says"
            )
        summed = raw.reshape(len(chips), -1, self._spec.dimension).sum(axis=1)
        unit = np.asarray(summed / np.maximum(lengths(summed), 1e-12), dtype=np.float32)
        wipe(raw, summed)
        return unit

    def _run(self, planes: ImageArray) -> FloatArray:
        count = len(planes)
        if self._spec.colour == "bgr":
            planes = planes[:, :, :, ::-1]
        batch = np.ascontiguousarray(planes.transpose(0, 3, 1, 2), dtype=np.float32)
        batch -= np.float32(self._spec.mean)
        batch *= np.float32(1 / self._spec.scale)
        fixed = isinstance(self._session.inputs[0][1][0], int)
        if fixed and count < self._batch:
            filled = np.concatenate([batch, np.zeros((self._batch - count, *batch.shape[1:]), dtype=np.float32)])
            wipe(batch)
            batch = filled
        try:
            found = (self._first_output if fixed else self._infer)(batch)[:count]
        finally:
            wipe(batch)
        # Some networks end in a convolution: their features are maps of one pixel.
        return found[:, :, 0, 0] if found.shape[2:] == (1, 1) else found

    def _first_output(self, batch: FloatArray) -> FloatArray:
        return self._session.run({self._session.inputs[0][0]: batch})[0]
