"""The faces by which people in footage are recognised: cut out of its frames, and sealed until they are compared.

They are gathered before anything is compared, so that a custodian's key is lent for the comparing alone, however long
the footage is. What is cut out is all that aligning and assessing the face reads, so that it gives what the whole frame
would. Few lie in memory, more in a file without a name; the key to both is drawn for one run and nowhere written.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from faceward.core.canonical import sha256
from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box, Face
from faceward.video.footage_keeping import Segment, Verdict
from faceward.video.footage_looking import rgb
from faceward.video.footage_reading import Footage, Moment
from faceward.vision.align import ARCFACE_112, similarity
from faceward.vision.images import Picture
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from faceward.operations.keeping import Recogniser
    from faceward.operations.keeping_desk import KeepingDesk
    from faceward.vision.networks import EmbedderSpec

_IN_MEMORY = 32_000_000
_TAG = 16
# The side of the chip that faces are assessed by; see `vision.quality`.
_ASSESSED = 112


@dataclass(frozen=True, slots=True)
class Sample:
    """A face that is to be compared.

    Attributes:
        segment: The place of the segment that it speaks for.
        picture: The part of its frame that shows it.
        face: The face in that part.
        known_by: What the whole frame is known by as a probe (rule E4).
    """

    segment: int
    picture: Picture
    face: Face
    known_by: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Sealed:
    segment: int
    name: str
    face: Face
    known_by: tuple[bytes, ...]
    place: int
    shape: tuple[int, ...]


class Samples:
    """Holds faces that are to be compared, sealed; use it as a context manager, after which nothing opens them.

    Args:
        spec: What the network that compares is given of a face.
        folder: Where the file without a name lies, if memory does not do.
    """

    def __init__(self, spec: EmbedderSpec, folder: Path) -> None:
        self._spec = spec
        self._key = secrets.token_bytes(32)
        self._seal = AESGCM(self._key)
        self._sealed: list[_Sealed] = []
        self._size = 0
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=_existing(folder))  # noqa: SIM115 - `close` closes it

    def put(self, segment: int, picture: Picture, face: Face, known_by: tuple[bytes, ...]) -> None:
        """Cut a face out of its frame and keep it; see `Sample`.

        Raises:
            EnvironmentFailure: The disk is full or fails.
        """
        x0, y0, x1, y1 = reach(self._spec, face, picture)
        part = np.ascontiguousarray(picture.pixels[y0:y1, x0:x1])
        # A number that never comes again under this key is all that the cipher asks for.
        sealed = self._seal.encrypt(_nonce(len(self._sealed)), part.data, None)
        shape = part.shape
        wipe(part)
        box = Box(face.box.x0 - x0, face.box.y0 - y0, face.box.x1 - x0, face.box.y1 - y0)
        moved = Face(box, face.landmarks - np.array([x0, y0], dtype=np.float32), face.confidence)
        self._sealed.append(_Sealed(segment, picture.name, moved, known_by, self._size, shape))
        self._size += len(sealed)
        try:
            self._file.write(sealed)
            self._file.flush()
        except OSError as error:
            raise EnvironmentFailure(
                f"the faces to be compared cannot be set aside: {error.strerror or 'the disk refuses'}; make room there"
            ) from None

    def __len__(self) -> int:
        return len(self._sealed)

    def __iter__(self) -> Iterator[Sample]:
        """Iterate over all, opened; overwrite the pixels of each when it has served."""
        for number, one in enumerate(self._sealed):
            self._file.seek(one.place)
            count = one.shape[0] * one.shape[1] * one.shape[2]
            sealed = self._file.read(count + _TAG)
            opener = Cipher(AES(self._key), GCM(_nonce(number), sealed[count:])).decryptor()
            # The cipher asks for room for a block more than it writes.
            pixels = np.empty(count + _TAG, dtype=np.uint8)
            opener.update_into(sealed[:count], pixels.data)
            opener.finalize()
            picture = Picture(pixels[:count].reshape(one.shape), 1.0, b"", one.name)
            yield Sample(one.segment, picture, one.face, one.known_by)

    def close(self) -> None:
        """Give up the key and what it opens."""
        self._key = b""
        self._sealed.clear()
        # What a full disk did not take is not missed.
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def gather(footage: Footage, found: Sequence[Segment], desk: KeepingDesk, samples: Samples) -> None:
    """Set aside the samples of segments, as far as they reach the floors of quality.

    Raises:
        EnvironmentFailure: The disk is full or fails.
    """
    for moment, places in _at(footage, found):
        pixels = rgb(moment.frame)
        good = [place for place in places if desk.fit(pixels, found[place].face)]
        if good:
            picture = Picture(pixels, 1.0, sha256(pixels.tobytes()), f"frame at {moment.seconds:.3f} s")
            known_by = desk.known_by(picture)
            for place in good:
                samples.put(place, picture, found[place].face, known_by)
        wipe(pixels)


def compare(samples: Samples, recogniser: Recogniser, shared: float) -> dict[int, Verdict]:
    """Compare all samples; return what came of each by its segment's place.

    Args:
        samples: What is to be compared.
        recogniser: What compares.
        shared: Among how many comparisons with one template the accepted rate is shared out.

    Raises:
        PolicyRefusal: Recognition was stopped meanwhile (W7), or the data do not support so low a rate (V1).
    """
    verdicts: dict[int, Verdict] = {}
    waiting: deque[tuple[Sample, Future[Verdict | None]]] = deque()

    def verdict(sample: Sample) -> Verdict | None:
        result = recogniser.compare(sample.picture, [sample.face], shared, sample.known_by)
        for best in result.matches[:1]:
            return Verdict(best.subject, best.score, best.clear)
        return Verdict(None) if result.compared else None

    def take(most: int) -> None:
        while len(waiting) > most:
            sample, task = waiting[0]
            found = task.result()
            wipe(sample.picture.pixels)
            waiting.popleft()
            if found is not None:
                verdicts[sample.segment] = found

    workers = max(1, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers)
    try:
        for sample in samples:
            waiting.append((sample, pool.submit(verdict, sample)))
            take(2 * workers)
        take(0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        wipe(*(sample.picture.pixels for sample, _ in waiting))
    return verdicts


def reach(spec: EmbedderSpec, face: Face, picture: Picture) -> tuple[int, int, int, int]:
    """Return the corners of the part of a picture that tells of a face what the whole does: x0, y0, x1, y1."""
    centre = (spec.size - 1) / 2
    chips = [((spec.template - centre) * scale + centre, spec.size) for scale in {view.scale for view in spec.views}]
    box = face.box
    points = [np.array([[box.x0, box.y0], [box.x1, box.y1]])]
    for template, size in [*chips, (ARCFACE_112, _ASSESSED)]:
        matrix = similarity(face.landmarks, template)
        size_of_pixel = abs(np.linalg.det(matrix[:, :2]))
        # Of landmarks that coincide nothing is cut.
        if not (np.isfinite(matrix).all() and size_of_pixel >= 1e-9):
            continue
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) - matrix[:, 2]
        seen = corners @ np.linalg.inv(matrix[:, :2]).T
        # What lies beside a pixel counts as well: see `vision.align`.
        margin = 6 + 8 / np.sqrt(size_of_pixel)
        points += [seen - margin, seen + margin]
    every = np.concatenate(points)
    low, high = np.floor(every.min(axis=0)), np.ceil(every.max(axis=0))
    x0, y0 = (int(np.clip(v, 0, n - 1)) for v, n in zip(low, (picture.width, picture.height), strict=True))
    x1, y1 = (
        int(np.clip(v, m + 1, n)) for v, m, n in zip(high, (x0, y0), (picture.width, picture.height), strict=True)
    )
    return x0, y0, x1, y1


def _at(footage: Footage, found: Sequence[Segment]) -> Iterator[tuple[Moment, list[int]]]:
    """Iterate over the moments of samples, with the places in `found` of the segments that they speak for."""
    wanted: dict[int, list[int]] = {}
    for place, segment in enumerate(found):
        wanted.setdefault(_micros(segment.seconds), []).append(place)
    for moment in footage.moments():
        places = wanted.pop(_micros(moment.seconds), None)
        if places:
            yield moment, places
        if not wanted:
            return


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _existing(folder: Path) -> str | None:
    return next((str(one) for one in (folder, *folder.parents) if one.is_dir()), None)
