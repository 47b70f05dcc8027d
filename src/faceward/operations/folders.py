"""Which pictures of a folder are whose, and which files are none."""

from __future__ import annotations

import os
from pathlib import Path

from faceward.core.errors import BadInput
from faceward.core.names import check_name
from faceward.vision.images import SUFFIXES


def folder_pictures(folder: Path) -> tuple[tuple[Path, str], ...]:
    """List a folder of one sub-folder a subject as (picture, subject), in the order of names.

    Raises:
        BadInput: No such folder, no permission, or no picture in any sub-folder.
    """
    try:
        subjects = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
        found = [(path, check_name(entry.name, "subject")) for entry in subjects for path in pictures_in(entry)]
    except FileNotFoundError:
        raise BadInput(f"{folder}: no such folder; check the path") from None
    except NotADirectoryError:
        raise BadInput(f"{folder}: not a folder; name the subject with --subject to enrol one picture") from None
    except PermissionError as error:
        raise BadInput(f"{error.filename}: no permission to read the folder; change its permissions") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name holds a null character"
        raise BadInput(f"{folder}: the folder cannot be read: {reason}; check the path") from None
    if not found:
        raise BadInput(f"{folder}: no pictures in its sub-folders; make one sub-folder a subject")
    return tuple(found)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures directly in a folder, by their suffix, in the order of names, without hidden ones."""
    return sorted(
        Path(entry.path)
        for entry in os.scandir(folder)
        if entry.name[0] != "." and Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file()
    )


def passed_over(folder: Path, *, below: bool = False) -> tuple[Path, ...]:
    """Return the files of a folder that are not taken for pictures, by their suffix, without hidden ones.

    Args:
        folder: A folder; whatever else is named holds none.
        below: Whether its sub-folders are looked through too, as a redaction does.

    Returns:
        In the order of paths.
    """
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if below and name[0] != "."]
        found += [Path(root) / n for n in names if n[0] != "." and Path(n).suffix.lower() not in SUFFIXES]
    return tuple(sorted(found))
