"""Where a picture comes from: a file of this machine, or bytes that were handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TypeAlias

_MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that was handed in as bytes and lies in no file.

    Attributes:
        name: What to call it in messages; without folders.
        data: The bytes, as they would stand in a file.
    """

    name: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


Source: TypeAlias = Path | Upload


def source_of(given: Path | str | Upload) -> Source:
    """Return what was given as a source."""
    return given if isinstance(given, Upload) else Path(given)


def upload(name: str, data: bytes) -> Upload:
    """Return an upload whose name is a bare, printable file name, whatever the sender called it."""
    bare = PurePath(name.replace("\\", "/")).name[:_MAX_NAME]
    return Upload(bare if bare.isprintable() and bare else "the picture", data)
