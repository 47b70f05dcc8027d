"""Which sources are cameras and which are files, and whether the files are there; nothing is opened.

A row of pictures is a folder, a pattern such as `shot-%04d.jpg` or `shots/*.png`, or one picture.
"""

from __future__ import annotations

import re
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from faceward.core.errors import BadInput, EnvironmentFailure
from faceward.policy.camera_sources import is_device, is_stream
from faceward.vision.images import SUFFIXES

_NUMBER = re.compile(r"%(?:0[0-9])?d")
# A GIF is a film of its own.
_PICTURES = SUFFIXES - {".gif"}


def is_live(source: str) -> bool:
    """Tell whether a source is a camera, on the network or of this machine, and not a file."""
    return is_stream(source) or is_device(source)


def check(source: str) -> None:
    """Check that files are there, without opening any; a camera may come later.

    Raises:
        BadInput: There is no such file, it is no regular file, or no picture fits the pattern.
        EnvironmentFailure: It may not be read.
    """
    if is_live(source):
        return
    if "://" in source:
        scheme = source.partition("://")[0]
        raise BadInput(f"the scheme {scheme}:// is not read; give rtsp://, http://, a file or /dev/videoN")
    if is_row(source):
        row_of(source)
        return
    try:
        found = Path(source).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{source}: no such file; check the camera's source") from None
    except (OSError, ValueError):
        raise EnvironmentFailure(f"{source}: cannot be read; check the file's permissions") from None
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{source}: is not a regular file; give a video, a folder of pictures or /dev/videoN")


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
