"""Forgetting bystanders in memory (rule W1, ADR 0037).

What is seen of a face passes through memory that nobody holds any more: blocks that were given back, the working memory
of the networks, the small blocks that allocators keep for the next who asks. Three things overwrite them:

1. the C library fills every block that is given back (`overwrite_what_is_freed`), but for small ones of its caches;
2. each network is run on a blank picture of every shape that it was run on, in the same thread (`Scrubber`), so that
   the same working memory is written to at the same places;
3. the small blocks that the caches of the C library and of NumPy keep are taken out, filled and put back
   (`overwrite_small_blocks`).

Arrays that this project holds itself are overwritten where they are used (`vision.wiping`).
"""

from __future__ import annotations

import ctypes
import math
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from faceward.core.faces import Box, Face
from faceward.vision.align import ARCFACE_112
from faceward.vision.images import Picture
from faceward.vision.pipeline import Effort
from faceward.vision.wiping import wipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.core.faces import FloatArray, Sample

DELAY = 0.5
"""Seconds after a face was worked on until working memory is overwritten; rule W1 leaves one second."""
# mallopt(3): fill what is allocated with the complement of this byte, and what is freed with the byte.
_M_PERTURB = -6
_FILLING = 0xAA
# glibc keeps up to 7 blocks of each of 64 sizes, 24 to 1032 bytes, for each thread.
_KEPT_BLOCKS = 7
_KEPT_SIZES = range(24, 1033, 16)
# NumPy keeps as many of each length below this, in bytes.
_NUMPY_SIZES = range(1, 1024)
_BLANK_SIDE = 128
# Comparing with a list is a product of matrices, whose library packs the probe into memory of its own.
_SUBJECTS = 64

_Key = TypeVar("_Key", int, tuple[int, int])


class Networks(Protocol):
    """A model pack at work in one thread; `vision.pipeline.Pipeline` is one."""

    def detect(self, picture: Picture, effort: Effort = ..., threshold: float | None = None) -> tuple[Face, ...]:
        """Find faces."""
        ...

    def samples(self, picture: Picture, faces: Sequence[Face]) -> tuple[Sample, ...]:
        """Assess and embed faces."""
        ...


def overwrite_what_is_freed() -> bool:
    """Let the C library overwrite what is given back to it, in the whole process and from now on.

    Returns:
        Whether it does: only glibc can.
    """
    libc = _glibc()
    return libc is not None and bool(libc.mallopt(_M_PERTURB, _FILLING))


def overwrite_small_blocks() -> None:
    """Overwrite the small blocks that this thread's caches keep, which are given back without being filled."""
    arrays = [np.zeros(size, dtype=np.uint8) for size in _NUMPY_SIZES for _ in range(_KEPT_BLOCKS)]
    del arrays
    libc = _glibc()
    if libc is None:
        return
    blocks = [(libc.malloc(size), size) for size in _KEPT_SIZES for _ in range(_KEPT_BLOCKS)]
    for block, size in blocks:
        if block:
            ctypes.memset(block, 0, size)
            libc.free(block)


def _glibc() -> Any:  # noqa: ANN401 - ctypes has no type for a library
    # Without the interpreter's lock being let go at each of some thousand calls.
    libc = ctypes.PyDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return None
    libc.mallopt.argtypes, libc.mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    libc.malloc.argtypes, libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    libc.free.argtypes, libc.free.restype = (ctypes.c_void_p,), None
    return libc


class Scrubber:
    """Keeps account of what one thread's networks worked on, and overwrites it.

    A run overwrites what the run before left that was of the same shape, since it takes the same memory; so what is
    left is what each shape's latest run left.

    Args:
        networks: The networks, which no other thread runs.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._looked: dict[tuple[int, int], float] = {}
        self._sought: dict[tuple[int, int], float] = {}
        self._embedded: dict[int, float] = {}
        self._small: float | None = None
        self._thread = threading.get_ident()

    def looked(self, size: tuple[int, int], now: float) -> None:
        """Note that faces were looked for in a picture of a width and height.

        Args:
            size: Width and height in pixels.
            now: A monotonic clock, seconds.
        """
        self._looked[size] = now
        self._note(now)

    def sought(self, size: tuple[int, int], now: float) -> None:
        """Note that the principal face was sought in a picture of a width and height, from coarse to fine.

        On a blank, where none is found, every shape comes in which it may have been sought.
        """
        self._sought[size] = now
        self._note(now)

    def embedded(self, faces: int, now: float) -> None:
        """Note that features of so many faces of one picture were made."""
        self._embedded[faces] = now
        self._note(now)

    def _note(self, now: float) -> None:
        # Of small blocks nobody knows which ones the next run takes.
        self._small = now if self._small is None else self._small
        self._thread = threading.get_ident()

    @property
    def due(self) -> float | None:
        """By when to overwrite, on the monotonic clock; None where there is nothing."""
        marks = [*self._looked.values(), *self._sought.values(), *self._embedded.values()]
        marks.extend(() if self._small is None else (self._small,))
        return min(marks) + DELAY if marks else None

    def scrub(self, now: float = math.inf) -> None:
        """Overwrite the working memory, in the thread that ran the networks.

        Args:
            now: What is due by this time, on the monotonic clock; everything if infinite.

        Raises:
            IntegrityError: A network fails.
        """
        if self.due is None:
            return
        if threading.get_ident() != self._thread:
            raise AssertionError("working memory belongs to the thread that ran the networks")
        for width, height in _due(self._looked, now):
            self._networks.detect(_blank(width, height))
        for width, height in _due(self._sought, now):
            self._networks.detect(_blank(width, height), Effort.PRINCIPAL)
        for faces in _due(self._embedded, now):
            rows = [sample.features for sample in self._networks.samples(_blank(_BLANK_SIDE), [_face()] * faces)]
            _overwrite_products(rows)
        if self._small is not None and self._small + DELAY <= now:
            self._small = None
            overwrite_small_blocks()


def _due(marks: dict[_Key, float], now: float) -> list[_Key]:
    """Take out what is due."""
    found = [key for key, mark in marks.items() if mark + DELAY <= now]
    for key in found:
        del marks[key]
    return found


def _overwrite_products(rows: Sequence[FloatArray]) -> None:
    """Multiply zeros as features were multiplied when they were compared, one by one and together."""
    wipe(*rows)
    probes = np.zeros((len(rows), len(rows[0])), dtype=np.float32)
    known = np.zeros((_SUBJECTS, len(rows[0])), dtype=np.float32)
    for probe in probes:
        _ = known @ probe
    _ = probes @ known.T


def _blank(width: int, height: int | None = None) -> Picture:
    return Picture(np.zeros((height or width, width, 3), dtype=np.uint8), 1.0, b"", "blank")


def _face() -> Face:
    return Face(Box(8, 8, 120, 120), ARCFACE_112.astype(np.float32), 1.0)
