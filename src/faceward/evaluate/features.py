"""Features of the pictures of a data set: extracted once, kept by content and pack, failures to acquire included."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceward.core.canonical import JSONObject, canonical_json, sha256, sha256_hex
from faceward.core.errors import BadInput, EnvironmentFailure, NoFace
from faceward.core.faces import FloatArray
from faceward.evaluate.contents import content
from faceward.evaluate.feature_file import FeatureFile
from faceward.vision.images import decode
from faceward.vision.pipeline import Pipeline
from faceward.vision.quality import COMPONENTS

Progress = Callable[[int, int], None]
_FIXED = struct.Struct("<BHf")
_RUNTIME = ("numpy", "onnxruntime", "pillow")


class Acquisition(IntEnum):
    """What became of a sample."""

    ACQUIRED = 0
    NO_FACE = 1
    UNREADABLE = 2


@dataclass(frozen=True, slots=True)
class Features:
    """What was extracted, one row for each picture in the order given.

    Attributes:
        matrix: Features, shape (n, d), float32; a row of zeros where none were acquired.
        status: `Acquisition` of each, shape (n,), uint8.
        faces: Faces that the detector found, shape (n,), int32; the most prominent was taken.
        confidence: The detector's confidence in the face taken, shape (n,), float32; 0 where there is none.
        quality: Quality component → its values, shape (n,), float64, not a number where no sample was acquired.
        hashes: SHA-256 of each file, 64 hexadecimal digits.
        reused: How many were taken from the cache.
        seconds: How long the rest took.
    """

    matrix: FloatArray
    status: npt.NDArray[np.uint8]
    faces: npt.NDArray[np.int32]
    confidence: FloatArray
    quality: Mapping[str, npt.NDArray[np.float64]]
    hashes: tuple[str, ...]
    reused: int
    seconds: float

    @property
    def acquired(self) -> npt.NDArray[np.bool_]:
        """Whether each sample was acquired, shape (n,)."""
        return np.asarray(self.status == Acquisition.ACQUIRED)

    @property
    def failed(self) -> int:
        """Number of failures to acquire."""
        return int((~self.acquired).sum())


@dataclass(frozen=True, slots=True)
class _Row:
    status: Acquisition
    faces: int
    confidence: float
    quality: npt.NDArray[np.float64]
    features: FloatArray

    def encode(self) -> bytes:
        fixed = _FIXED.pack(self.status, min(self.faces, 0xFFFF), self.confidence)
        return fixed + self.quality.astype("<f8").tobytes() + self.features.astype("<f4").tobytes()

    @classmethod
    def decode(cls, data: bytes) -> _Row:
        status, faces, confidence = _FIXED.unpack_from(data)
        quality = np.frombuffer(data, dtype="<f8", count=len(COMPONENTS), offset=_FIXED.size)
        features = np.frombuffer(data, dtype="<f4", offset=_FIXED.size + 8 * len(COMPONENTS))
        return cls(Acquisition(status), faces, confidence, quality, features)


def extract(
    files: Sequence[Path],
    pipeline: Pipeline,
    cache: Path | None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Features:
    """Extract the features of pictures, those of the cache excepted.

    The order of the results is that of the files, whatever the threads do. Of several faces in a picture the most
    prominent is taken. A picture without a face, or that cannot be read or decoded, is a failure to acquire.

    Args:
        files: Picture files.
        pipeline: The pack at work.
        cache: Folder of the cache, or None to keep nothing.
        progress: Called with the pictures done and their number.
        threads: How many pictures are worked on at once; as many as there are processors if None.

    Raises:
        EnvironmentFailure: The disk fails or is full.
        IntegrityError: The pack is damaged.
    """
    started = time.perf_counter()
    with _kept(pipeline, cache) as kept:
        worker = _Worker(pipeline, kept, progress, len(files))
        pool = ThreadPoolExecutor(threads or processors())
        try:
            found = list(pool.map(worker.row, files))
        finally:
            # After an error or an interruption, pictures that nobody began with are left.
            pool.shutdown(cancel_futures=True)
    return _stacked([row for row, _ in found], [name for _, name in found], worker.reused, started)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def cache_file(pipeline: Pipeline, cache: Path) -> Path:
    """Return the file that keeps features of a pack as this software extracts them."""
    name = sha256_hex(_form(pipeline).encode())[:16]
    return cache / f"{pipeline.pack.manifest.name}-{name}.features"


def forget(cache: Path) -> int:
    """Delete all kept features, of every pack.

    Args:
        cache: Folder of the cache.

    Returns:
        How many files there were.

    Raises:
        EnvironmentFailure: They cannot be deleted.
    """
    try:
        found = sorted(cache.glob("*.features"))
        for path in found:
            path.unlink()
    except OSError as error:
        raise EnvironmentFailure(f"{cache}: features cannot be deleted: {error.strerror}; delete the folder") from None
    return len(found)


class _Worker:
    """Makes one row after another; used by several threads."""

    def __init__(self, pipeline: Pipeline, kept: _Kept | None, progress: Progress | None, total: int) -> None:
        self._pipeline, self._kept, self._progress, self._total = pipeline, kept, progress, total
        self._lock = threading.Lock()
        self._loaded = False
        self._done = self.reused = 0

    def row(self, path: Path) -> tuple[_Row, str]:
        data = content(path)
        key = sha256(data)
        found = self._kept.get(key) if self._kept else None
        reused = found is not None
        if found is None:
            self._load()
            found = self._made(data, path.name)
            if self._kept:
                self._kept.add(key, found)
        with self._lock:
            self._done += 1
            self.reused += reused
            if self._progress is not None:
                self._progress(self._done, self._total)
        return found, key.hex()

    def _load(self) -> None:
        # Once, and before any picture: a damaged pack is no failure to acquire.
        with self._lock:
            if not self._loaded:
                self._pipeline.load()
                self._loaded = True

    def _made(self, data: bytes, name: str) -> _Row:
        try:
            picture = decode(data, name)
        except BadInput:
            return self._failure(Acquisition.UNREADABLE)
        try:
            face, others = self._pipeline.principal(picture, alone=False)
        except NoFace:
            return self._failure(Acquisition.NO_FACE)
        [sample] = self._pipeline.samples(picture, [face])
        quality = np.array([sample.quality.components.get(name, np.nan) for name in COMPONENTS], dtype=np.float64)
        return _Row(Acquisition.ACQUIRED, others + 1, face.confidence, quality, sample.features)

    def _failure(self, status: Acquisition) -> _Row:
        size = self._pipeline.pack.manifest.dimension
        return _Row(status, 0, 0.0, np.full(len(COMPONENTS), np.nan), np.zeros(size, dtype=np.float32))


class _Kept:
    """The cache of one pack, read once and added to."""

    def __init__(self, file: FeatureFile) -> None:
        self._file, self._known = file, file.read()

    def get(self, key: bytes) -> _Row | None:
        found = self._known.get(key)
        return None if found is None else _Row.decode(found)

    def add(self, key: bytes, row: _Row) -> None:
        self._file.append(key, row.encode())


@contextmanager
def _kept(pipeline: Pipeline, cache: Path | None) -> Iterator[_Kept | None]:
    if cache is None:
        yield None
        return
    size = _FIXED.size + 8 * len(COMPONENTS) + 4 * pipeline.pack.manifest.dimension
    file = FeatureFile(cache_file(pipeline, cache), _form(pipeline), size)
    try:
        yield _Kept(file)
    finally:
        file.close()


def _form(pipeline: Pipeline) -> str:
    """Return what decides on the features of a picture beside the picture: pack, our own code and libraries."""
    manifest = pipeline.pack.manifest
    form: JSONObject = {
        "pack": manifest.identifier,
        "digest": manifest.digest,
        "code": _code(),
        "components": list(COMPONENTS),
        "libraries": {name: importlib.metadata.version(name) for name in _RUNTIME},
    }
    return canonical_json(form).decode()


def _code() -> str:
    """Return a hash over what finds, aligns and embeds, so that no change of it meets features of before."""
    found = hashlib.sha256()
    for entry in _sources(importlib.resources.files("faceward.vision")):
        found.update(f"{entry.name}\n".encode() + sha256(entry.read_bytes()))
    return found.hexdigest()


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry)
        elif entry.name.endswith((".py", ".toml", ".npz")):
            yield entry


def _stacked(rows: Sequence[_Row], hashes: Sequence[str], reused: int, started: float) -> Features:
    quality = np.stack([row.quality for row in rows])
    return Features(
        np.stack([row.features for row in rows]).astype(np.float32, copy=False),
        np.array([row.status for row in rows], dtype=np.uint8),
        np.array([row.faces for row in rows], dtype=np.int32),
        np.array([row.confidence for row in rows], dtype=np.float32),
        {name: quality[:, place] for place, name in enumerate(COMPONENTS)},
        tuple(hashes),
        reused,
        time.perf_counter() - started,
    )
