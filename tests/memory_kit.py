"""Looking for byte strings in the memory of processes that run, and in files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_MAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (r)(w)([-x])([ps]) \S+ \S+ (\S+)\s*(.*)$")
_CHUNK = 1 << 20
_BITS = 20
_WORD = 4


@dataclass(frozen=True, slots=True)
class Pattern:
    """A byte string that must not be found, and what it is.

    Attributes:
        what: For the message.
        data: At least 16 bytes.
        at: Where in it the four bytes are that it is looked up by: they should be seen nowhere else.
    """

    what: str
    data: bytes
    at: int = 0


class Finder:
    """Finds many byte strings at once, wherever they begin."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._by_word: dict[int, list[Pattern]] = {}
        self.longest = 0
        for pattern in patterns:
            word = int.from_bytes(pattern.data[pattern.at : pattern.at + _WORD], "little")
            self._by_word.setdefault(word, []).append(pattern)
            self.longest = max(self.longest, len(pattern.data))
        self._words = np.array(sorted(self._by_word), dtype=np.uint32)
        self._table = np.zeros(1 << _BITS, dtype=np.bool_)
        self._table[_hash(self._words)] = True

    def find(self, data: bytes) -> set[str]:
        """Return what of it is in a byte string."""
        found: set[str] = set()
        # Most of what a process has is never written to.
        if not np.frombuffer(data, np.uint8).any():
            return found
        for shift in range(_WORD):
            count = (len(data) - shift) // _WORD
            if count <= 0:
                continue
            words = np.frombuffer(data, dtype="<u4", offset=shift, count=count)
            maybe = np.flatnonzero(self._table[_hash(words)])
            hits = maybe[np.isin(words[maybe], self._words)]
            for place in hits.tolist():
                found |= self._verified(data, int(words[place]), shift + place * _WORD)
        return found

    def _verified(self, data: bytes, word: int, position: int) -> set[str]:
        return {
            pattern.what
            for pattern in self._by_word[word]
            if position >= pattern.at and data.startswith(pattern.data, position - pattern.at)
        }


def _hash(words: np.ndarray) -> np.ndarray:
    return (words * np.uint32(2654435761)) >> np.uint32(32 - _BITS)


def memory(pid: int) -> Iterator[bytes]:
    """Yield all memory of a process that it can write to, in pieces that do not end within what is looked for."""
    regions = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = _MAP.match(line)
        if found is not None and not found[8].startswith("[v"):
            regions.append((int(found[1], 16), int(found[2], 16)))
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as opened:
        for start, end in regions:
            yield from _pieces(opened.fileno(), start, end)


def _pieces(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    kept = b""
    for position in range(start, end, _CHUNK):
        try:
            piece = os.pread(descriptor, min(_CHUNK, end - position), position)
        except OSError:  # a page that nobody may read
            kept = b""
            continue
        yield kept + piece
        kept = piece[-256:]


def in_memory(pid: int, finder: Finder) -> set[str]:
    """Return what is in a process's memory."""
    found: set[str] = set()
    for piece in memory(pid):
        found |= finder.find(piece)
    return found


def in_files(folders: Iterable[Path], finder: Finder) -> set[str]:
    """Return what is in any file below some folders."""
    found: set[str] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                try:
                    found |= {f"{what} in {path.name}" for what in finder.find(path.read_bytes())}
                except OSError:  # it was removed meanwhile
                    continue
    return found


def distinct(run: bytes) -> int | None:
    """Return where in a run of samples the four bytes are that stand for it; None where it is too plain to be known."""
    if len(set(run)) < len(run) // 4:
        return None
    return next((at for at in range(0, len(run) - 3, 4) if len(set(run[at : at + 4])) >= 3), None)
