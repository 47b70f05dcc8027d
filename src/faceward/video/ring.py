"""Slots of one camera's frames in memory that two processes share: the decoder writes, the reader reads.

The memory is a `memfd`: it has no name that could be left behind, and the kernel takes it back when the last of the
two processes is gone, however they end. Its size is sealed, so that a decoder that a hostile stream took over cannot
pull it from under the reader, and what the reader finds in the header it checks. Who may touch a slot is told by its
state, and states change under a lock that the kernel opens when its holder dies.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from faceward.core.errors import EnvironmentFailure
from faceward.core.faces import Box, ImageArray
from faceward.video.shared_lock import SharedLock

SLOTS: Final = 3
MOST_BOXES: Final = 16
FREE, WRITING, READY, HELD = range(4)
COUNTS: Final = ("decoded", "looked_at", "gated", "dropped", "reconnects")

_PAGE = mmap.PAGESIZE
_SLOT = np.dtype(
    [
        ("state", "<u4"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("boxes", "<u4"),
        ("number", "<u8"),
        ("captured", "<f8"),
        ("received", "<f8"),
        ("written", "<f8"),
        ("motion", "<f4", (MOST_BOXES, 4)),
    ]
)
_HEADER = np.dtype(
    [
        ("want", "<u8"),
        ("number", "<u8"),
        ("alive", "<f8"),
        ("counts", "<u8", (len(COUNTS),)),
        ("slots", _SLOT, (SLOTS,)),
    ]
)
_HEADER_BYTES = -(-_HEADER.itemsize // _PAGE) * _PAGE
# A decoder that was stopped while it held the lock must not stop the reader.
_BRIEF = 0.05


@dataclass(frozen=True, slots=True)
class Taken:
    """A slot in the reader's hands; `captured` is in seconds since 1970, the rest as in `frames.Frame`."""

    slot: int
    number: int
    captured: float
    received: float
    pixels: ImageArray
    motion: tuple[Box, ...]


class Ring:
    """The shared memory, seen from either side.

    Args:
        fd: The memory, of `make`.
        most_pixels: What `make` was told.
    """

    def __init__(self, fd: int, most_pixels: int) -> None:
        self.fd = fd
        self._capacity = _capacity(most_pixels)
        self._memory = mmap.mmap(fd, _HEADER_BYTES + SLOTS * self._capacity)
        with suppress(OSError, AttributeError):
            # Pictures of people stay out of core files.
            self._memory.madvise(mmap.MADV_DONTDUMP)
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(self._memory, np.uint8)
        self._header: Any = np.frombuffer(self._memory, _HEADER, count=1)[0]
        self._slots: Any = self._header["slots"]
        self._lock = SharedLock(fd)
        # What the reader holds, by slot the number of its frame: kept here, where no decoder can say otherwise.
        self._held: dict[int, int] = {}

    @classmethod
    def make(cls, most_pixels: int) -> Ring:
        """Return a ring of frames of so many pixels at most.

        Raises:
            EnvironmentFailure: There is not enough memory, or this is not Linux.
        """
        try:
            fd = os.memfd_create("faceward-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(fd, _HEADER_BYTES + SLOTS * _capacity(most_pixels))
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            return cls(fd, most_pixels)
        except (OSError, AttributeError) as problem:
            raise EnvironmentFailure(f"no memory for a camera's frames ({problem}); watch fewer cameras") from None

    # What the decoder does.

    def begin(self, number: int, *, wait: bool = False) -> int | None:
        """Return a slot to write frame `number` into, or None if there is none.

        The oldest frame that nobody took gives way, and is counted as dropped.

        Args:
            number: The frame's.
            wait: No frame gives way.
        """
        with self._lock.hold():
            free = [slot for slot in range(SLOTS) if self._slots["state"][slot] == FREE]
            if not free:
                ready = self._in_state(READY)
                if wait or not ready:
                    return None
                self.count("dropped")
                free = ready[:1]
            self._slots["state"][free[0]] = WRITING
            self._slots["number"][free[0]] = number
            return free[0]

    def commit(self, slot: int, pixels: ImageArray, captured: float, received: float, motion: tuple[Box, ...]) -> None:
        """Fill a slot that was begun, and let the reader take it.

        Args:
            slot: Of `begin`.
            pixels: Shape (h, w, 3), uint8.
            captured: When it was taken, in seconds since 1970.
            received: When its packet came, in seconds of the monotonic clock.
            motion: Where it moves.
        """
        try:
            self._fill(slot, pixels, captured, received, motion)
        except BaseException:
            with self._lock.hold():  # given back
                self._wipe(slot)
            raise
        with self._lock.hold():
            self._slots["state"][slot] = READY

    def _fill(self, slot: int, pixels: ImageArray, captured: float, received: float, motion: tuple[Box, ...]) -> None:
        height, width = pixels.shape[:2]
        before = int(self._slots["width"][slot]) * int(self._slots["height"][slot]) * 3
        self._slots["width"][slot], self._slots["height"][slot] = width, height
        np.copyto(self._pixels(slot, width, height), pixels)
        start, size = self._start(slot), height * width * 3
        self._bytes[start + size : start + max(before, size)] = 0
        boxes = motion[:MOST_BOXES]
        for row, box in enumerate(boxes):
            self._slots["motion"][slot][row] = box.x0, box.y0, box.x1, box.y1
        self._slots["boxes"][slot] = len(boxes)
        self._slots["captured"][slot], self._slots["received"][slot] = captured, received
        self._slots["written"][slot] = time.monotonic()

    def expire(self, now: float, seconds: float) -> None:
        """Drop frames that nobody took for so long, and overwrite them."""
        with self._lock.hold():
            for slot in self._in_state(READY):
                if now - float(self._slots["written"][slot]) > seconds:
                    self.count("dropped")
                    self._clear(slot)

    def count(self, name: str, by: int = 1) -> None:
        """Count something; `name` is one of `COUNTS`."""
        # Without an overflow, whatever a decoder wrote there.
        before = int(self._header["counts"][COUNTS.index(name)])
        self._header["counts"][COUNTS.index(name)] = (before + by) % 2**63

    def next_number(self) -> int:
        """Return the next frame's number; it goes on when the decoder is started again."""
        self._header["number"] += 1
        return int(self._header["number"])

    # What the reader does.

    def take(self, *, every: bool) -> list[Taken]:
        """Return the frames that are ready, oldest first; the reader holds them until `release`.

        Args:
            every: All of them. Otherwise the newest, and the others are dropped and counted.
        """
        with self._lock.hold(_BRIEF) as mine:
            if not mine:
                return []
            ready = [slot for slot in self._in_state(READY) if slot not in self._held and self._sound(slot)]
            if not every:
                for slot in ready[:-1]:
                    self.count("dropped")
                    self._clear(slot)
                ready = ready[-1:]
            self._slots["state"][ready] = HELD
        taken = [self._taken(slot) for slot in ready]
        self._held.update((one.slot, one.number) for one in taken)
        return taken

    def release(self, slot: int, number: int) -> None:
        """Overwrite frame `number` with zeros and let the decoder have its slot, unless that was done already."""
        # Only the reader changes this state, so that no lock is needed, and none is waited for.
        if self._held.get(slot) == number:
            del self._held[slot]
            self._clear(slot)

    def clear(self, *, held: bool) -> None:
        """Overwrite everything, or everything that the reader does not hold. The decoder is gone."""
        for slot in range(SLOTS):
            if held or slot not in self._held:
                self._held.pop(slot, None)
                self._wipe(slot)

    def want(self, every: bool) -> None:
        """Say whether frames without motion are wanted as well."""
        self._header["want"] = int(every)

    def close(self) -> None:
        """Let go of the memory, as soon as nobody looks at its frames."""
        del self._bytes, self._header, self._slots
        with suppress(BufferError):
            self._memory.close()
        os.close(self.fd)

    # What both read.

    @property
    def wanted(self) -> bool:
        """Whether frames without motion are wanted as well."""
        return bool(self._header["want"])

    @property
    def alive(self) -> float:
        """When the decoder last said that it runs, in seconds of the monotonic clock; 0 at first."""
        return float(self._header["alive"])

    @alive.setter
    def alive(self, now: float) -> None:
        self._header["alive"] = now

    def counts(self) -> dict[str, int]:
        """Return the counts by their names."""
        return {name: int(count) for name, count in zip(COUNTS, self._header["counts"], strict=True)}

    def _in_state(self, state: int) -> list[int]:
        slots = [slot for slot in range(SLOTS) if self._slots["state"][slot] == state]
        return sorted(slots, key=lambda slot: int(self._slots["number"][slot]))

    def _sound(self, slot: int) -> bool:
        width, height = int(self._slots["width"][slot]), int(self._slots["height"][slot])
        return width > 0 and height > 0 and width * height * 3 <= self._capacity

    def _taken(self, slot: int) -> Taken:
        said = self._slots[slot].copy()
        width, height = int(said["width"]), int(said["height"])
        if not 0 < width * height * 3 <= self._capacity:
            width = height = 1
        pixels = self._pixels(slot, width, height)
        pixels.flags.writeable = False
        boxes = said["motion"][: min(int(said["boxes"]), MOST_BOXES)].tolist()
        return Taken(
            slot,
            int(said["number"]),
            float(said["captured"]),
            float(said["received"]),
            pixels,
            tuple(Box(*box) for box in boxes),
        )

    def _wipe(self, slot: int) -> None:
        # What was written when it ended is not known: all of it goes.
        self._bytes[self._start(slot) : self._start(slot) + self._capacity] = 0
        self._slots[slot] = np.zeros((), _SLOT)

    def _clear(self, slot: int) -> None:
        start = self._start(slot)
        size = int(self._slots["width"][slot]) * int(self._slots["height"][slot]) * 3
        self._bytes[start : start + min(size, self._capacity)] = 0
        # The state is last, since it gives the slot away.
        self._slots["width"][slot] = self._slots["height"][slot] = self._slots["boxes"][slot] = 0
        self._slots["motion"][slot] = 0
        self._slots["state"][slot] = FREE

    def _start(self, slot: int) -> int:
        return _HEADER_BYTES + slot * self._capacity

    def _pixels(self, slot: int, width: int, height: int) -> ImageArray:
        start = self._start(slot)
        return self._bytes[start : start + width * height * 3].reshape(height, width, 3)


def _capacity(most_pixels: int) -> int:
    return -(-most_pixels * 3 // _PAGE) * _PAGE
