"""Rows of pictures as a source: a folder, a pattern such as `shot-%04d.jpg` or `shots/*.png`, or one picture."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import av

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.video.opened import Broken, Decoded
from faceward.vision.images import SUFFIXES, decode, read_file

_NUMBER = re.compile(r"%(?:0[0-9])?d")
# A GIF is a film of its own.
_PICTURES = SUFFIXES - {".gif"}


def is_row(source: str) -> bool:
    """Tell whether a source that is no camera is a folder, a pattern of pictures or a picture, and not a video."""
    path = Path(source)
    if path.exists():
        return path.is_dir() or path.suffix.lower() in _PICTURES
    return "*" in path.name or _NUMBER.search(path.name) is not None


def row_of(source: str) -> tuple[Path, ...]:
    """Return the pictures of a row: by their numbers where the pattern has one, else by their names.

    Raises:
        BadInput: There is none.
        EnvironmentFailure: The folder cannot be read.
    """
    path = Path(source)
    if path.is_file():
        return (path,)
    folder, pattern = (path, "") if path.is_dir() else (path.parent, path.name)
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{folder}: no such folder; check the camera's source") from None
    except OSError:
        raise EnvironmentFailure(f"{folder}: cannot be read; check the folder's permissions") from None
    row = tuple(folder / name for name in _matching(names, pattern))
    if not row:
        raise BadInput(f"{source}: no picture there; give a folder or pattern of JPEG, PNG or WebP files")
    return row


def _matching(names: list[str], pattern: str) -> list[str]:
    if not pattern or "*" in pattern:
        return [name for name in names if Path(name).suffix.lower() in _PICTURES and fnmatchcase(name, pattern or "*")]
    number = _NUMBER.search(pattern)
    if number is None:
        return []
    before, after = re.escape(pattern[: number.start()]), re.escape(pattern[number.end() :])
    numbered = re.compile(rf"{before}([0-9]{{1,18}}){after}")
    found = [(int(match[1]), name) for name in names if (match := numbered.fullmatch(name))]
    return [name for _, name in sorted(found)]


class PictureRow:
    """Pictures one after the other at a camera's rate; see `opened.Opened`. One that cannot be read is left out."""

    live = False
    paced = True

    def __init__(self, row: tuple[Path, ...], rate: float) -> None:
        self._row = row
        self.period = 1 / rate
        self.about = f"{len(row)} pictures"
        self._unread = 0

    def frames(self, skippable: Callable[[float], bool]) -> Iterator[Decoded | Broken]:
        """See `opened.Opened`."""
        for number, path in enumerate(self._row):
            stamp = number * self.period
            if skippable(stamp):
                continue
            try:
                frame = av.VideoFrame.from_ndarray(decode(read_file(path), path.name).pixels, format="rgb24")
            except (BadInput, EnvironmentFailure):
                self._unread += 1
                yield Broken(time.monotonic())
                continue
            held = [frame]
            del frame
            yield Decoded(held.pop(), stamp, time.monotonic())

    def note(self) -> str:
        """See `opened.Opened`."""
        return f"{self._unread} of {len(self._row)} pictures could not be read" if self._unread else ""

    def close(self) -> None:
        """See `opened.Opened`."""
