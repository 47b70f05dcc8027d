"""From a picture to faces and samples, with one pack."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from faceward.core.errors import NoFace, SeveralFaces, UsageError
from faceward.core.faces import Box, Face, FloatArray, ImageArray, Sample
from faceward.vision.calibration import Calibration
from faceward.vision.cohort import Cohort
from faceward.vision.detect import CenterFace, Detector, YuNet
from faceward.vision.embed import Embedder
from faceward.vision.images import Picture
from faceward.vision.networks import DetectorSpec, ModelFile
from faceward.vision.packs import DEFAULT_PACK, Pack, PackStore, attachment, load_cohort
from faceward.vision.quality import assess
from faceward.vision.scaling import resized
from faceward.vision.session import Session
from faceward.vision.tiling import TILE, cut_by_inner_edge, merged, stretches
from faceward.vision.wiping import wipe

# Pictures are analysed at up to this size; a face that needs more pixels than this leaves is too small to compare.
ANALYSIS_PIXELS = 12_000_000
# A picture is first searched at this length of its longer side, and finer while the faces found are small in it.
_FIRST_SIDE = 448
_LARGE_FACE = 64.0
_LAST_SIDE = 2048
# Of several faces the largest stands for the picture if it is this much larger; closeness to the centre counts too.
_DOMINANCE = 1.6
# At which FMR two samples of successive looks count as of one face.
_ALIKE = 1e-3


class Effort(enum.Enum):
    """How much to search for.

    `PRINCIPAL` stops when large faces were found: for a portrait. `ALL` searches the picture at its full resolution.
    """

    PRINCIPAL = "principal"
    ALL = "all"


class Pipeline:
    """One model pack at work. Networks are loaded at first use and may be shared between threads."""

    def __init__(self, store: PackStore, pack: Pack, threads: int = 1) -> None:
        self._store, self.pack, self._threads = store, pack, threads

    @property
    def identifier(self) -> str:
        """What samples and references of this pipeline are bound to."""
        return self.pack.manifest.identifier

    @property
    def calibration(self) -> Calibration:
        """What the pack's scores mean.

        Raises:
            UsageError: The pack has none, so nothing can be decided with it.
        """
        found = self.pack.manifest.calibration
        if found is None:
            raise UsageError(
                f"the pack {self.identifier} has no calibration, so it cannot decide; "
                "add a [calibration] table to its manifest"
            )
        return found

    @cached_property
    def evaluation(self) -> bytes | None:
        """The evaluation that comes with the pack, as its file holds it, or None where none does.

        Raises:
            IntegrityError: The file's hash differs from the manifest's.
            BadInput: It is missing or cannot be read.
        """
        named = self.pack.manifest.evaluation
        return None if named is None else attachment(named[0], self.pack)

    @cached_property
    def _detection(self) -> tuple[DetectorSpec, Pack]:
        spec = self.pack.manifest.detector
        if spec is not None:
            return spec, self.pack
        default = self._store.get(DEFAULT_PACK)
        if default.manifest.detector is None:
            raise AssertionError("the built-in pack has a detector")
        return default.manifest.detector, default

    @cached_property
    def _detector(self) -> Detector:
        spec, pack = self._detection
        session = self._session(spec.model, pack)
        return CenterFace(session) if spec.kind == "centerface" else YuNet(session)

    @cached_property
    def _embedder(self) -> Embedder:
        spec = self.pack.manifest.embedder
        return Embedder(self._session(spec.model, self.pack), spec)

    def _session(self, model: ModelFile, pack: Pack) -> Session:
        weights = self._store.weights_bytes(model, pack)
        return Session(self._store.model_bytes(model, pack), model.file, self._threads, weights)

    @cached_property
    def _cohort(self) -> Cohort | None:
        return load_cohort(self.pack)

    def apart(self) -> Pipeline:
        """Return the same pack at work with networks of its own.

        A thread that has its networks to itself knows what their working memory holds; see `video.forgetting`.
        """
        return Pipeline(self._store, self.pack, self._threads)

    @property
    def alike(self) -> float:
        """From which similarity on two samples taken right after each other may be fused as of one face.

        The threshold at an FMR of 1e-3, or the nearest that the pack is calibrated for. Of people of LFW View 1 who
        pass a camera, 1.6 % of such pairs of one person are below it, and 0.8 % of those of two people are not.
        """
        known = self.calibration
        return known.at_fmr(min(known.loosest, max(known.strictest, _ALIKE))).threshold

    @property
    def confidence(self) -> float:
        """From which confidence on the detector's finding counts as a face, 0 to 1."""
        return self._detection[0].threshold

    @property
    def verified(self) -> bool:
        """Whether both networks had their pinned hashes when they were loaded, which loads them.

        Raises:
            IntegrityError: A file's hash differs or a model cannot be run.
        """
        self.load()
        return True

    def load(self) -> None:
        """Load both networks now, so that a damaged pack is refused before work begins.

        Raises:
            IntegrityError: A file's hash differs or a model cannot be run.
        """
        _ = self._detector, self._embedder, self._cohort

    def detect(self, picture: Picture, effort: Effort = Effort.ALL, threshold: float | None = None) -> tuple[Face, ...]:
        """Find faces, largest first.

        Args:
            picture: The picture.
            effort: How much to search for.
            threshold: Smallest confidence; the pack's own if None.
        """
        limit = self._detection[0].threshold if threshold is None else threshold
        if effort is Effort.PRINCIPAL:
            found = self._detect_coarse_to_fine(picture.pixels, limit)
        else:
            found = self._detect_all(picture.pixels, limit)
        return tuple(sorted(found, key=lambda face: -face.box.area))

    def _detect_coarse_to_fine(self, pixels: ImageArray, threshold: float) -> Sequence[Face]:
        longest = max(pixels.shape[:2])
        side = _FIRST_SIDE
        while side < min(longest, _LAST_SIDE):
            faces = self._detect_at(pixels, side / longest, threshold)
            if faces and min(face.box.height for face in faces) * side / longest >= _LARGE_FACE:
                return faces
            side *= 2
        return self._detect_at(pixels, min(1.0, _LAST_SIDE / longest), threshold)

    def _detect_all(self, pixels: ImageArray, threshold: float) -> Sequence[Face]:
        height, width = pixels.shape[:2]
        # The network's input is padded to multiples of 32, which is what a long strip would be judged by.
        if _padded(height) * _padded(width) <= TILE * TILE:
            return self._detector.detect(pixels, threshold)
        found = list(self._detect_at(pixels, min(1.0, TILE / max(height, width)), threshold))
        for y0, y1 in stretches(height):
            for x0, x1 in stretches(width):
                tile = pixels[y0:y1, x0:x1]
                found.extend(
                    face.moved(x0, y0)
                    for face in self._detector.detect(tile, threshold)
                    if not cut_by_inner_edge(face.box, (x0, y0), tile.shape, (width, height))
                )
        return merged(found)

    def _detect_at(self, pixels: ImageArray, ratio: float, threshold: float) -> tuple[Face, ...]:
        width, height = (max(min(32, n), round(n * ratio)) for n in (pixels.shape[1], pixels.shape[0]))
        across, down = pixels.shape[1] / width, pixels.shape[0] / height
        return tuple(
            Face(
                Box(face.box.x0 * across, face.box.y0 * down, face.box.x1 * across, face.box.y1 * down),
                face.landmarks * np.array([across, down], dtype=np.float32),
                face.confidence,
            )
            for face in self._detect_all(resized(pixels, width, height), threshold)
        )

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        """Assess and embed faces of one picture, in their order."""
        features = self.network_features(picture, faces)
        if self._cohort is not None:
            bare, features = features, self._cohort.extend(features)
            wipe(bare)
        return tuple(
            Sample(face, assess(picture.pixels, face, picture.scale), row, self.identifier)
            for face, row in zip(faces, features, strict=True)
        )

    def network_features(self, picture: Picture, faces: Sequence[Face]) -> FloatArray:
        """Return the network's own features, shape (n, d), before a cohort adds to them; cohorts are made of these."""
        return self._embedder.features(picture.pixels, [face.landmarks for face in faces])

    def principal(self, picture: Picture, *, alone: bool = True) -> tuple[Face, int]:
        """Find the one face that a portrait shows: the largest and most central.

        Args:
            picture: The picture.
            alone: Whether it must stand out from the others.

        Returns:
            The face, and how many others were passed over.

        Raises:
            NoFace: None was found.
            SeveralFaces: Several are about as prominent, and one alone was asked for.
        """
        faces = self.detect(picture, Effort.PRINCIPAL)
        if not faces:
            raise NoFace(f"{picture.name}: no face was found; give a picture with one upright face, eyes visible")
        ranked = sorted(faces, key=lambda face: -prominence(face, picture))
        if alone and len(ranked) > 1 and prominence(ranked[0], picture) < _DOMINANCE * prominence(ranked[1], picture):
            raise SeveralFaces(
                f"{picture.name}: {len(faces)} faces and none stands out; crop the picture to the one that is meant"
            )
        return ranked[0], len(faces) - 1


def prominence(face: Face, picture: Picture) -> float:
    """Rank a face among others of a picture: its area, halved at a third of the diagonal from the centre."""
    across = (face.box.x0 + face.box.x1) / 2 - picture.width / 2
    down = (face.box.y0 + face.box.y1) / 2 - picture.height / 2
    distance = float(np.hypot(across, down) / np.hypot(picture.width, picture.height))
    return face.box.area * float(0.5 ** ((3 * distance) ** 2))


def _padded(length: int) -> int:
    return -(-length // 32) * 32
