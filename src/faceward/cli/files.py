"""Files that commands take and write."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceward.core.errors import BadInput, EnvironmentFailure, UsageError

if TYPE_CHECKING:
    from faceward.policy.consent import Release

RELEASE_NAMES = ("release.toml", "release.json")


def pictures_in(paths: Sequence[Path]) -> list[Path]:
    """Put the pictures of a folder, by name, in the place of the folder.

    Raises:
        BadInput: A folder holds no picture or cannot be read.
    """
    return [picture for path in paths for picture in (_folder(path) if path.is_dir() else [path])]


def _folder(folder: Path) -> list[Path]:
    from faceward.operations.folders import pictures_in as pictures_directly_in

    try:
        found = pictures_directly_in(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not found:
        raise BadInput(f"{folder}: the folder holds no picture; give one with JPEG, PNG, WebP, TIFF or BMP files")
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"{folder}: the folder cannot be read: {error.strerror}; change its permissions")


def read_releases(paths: Iterable[Path]) -> tuple[Release, ...]:
    """Read release files.

    Raises:
        BadInput: A file cannot be read or is no release file.
    """
    from faceward.policy.release_files import MAX_BYTES, parse_releases

    return tuple(
        release
        for path in paths
        for release in parse_releases(read_limited(path, MAX_BYTES + 1, "release file"), path.name)
    )


def releases_beside(folder: Path) -> list[Path]:
    """Return the `release.toml` or `release.json` of each sub-folder.

    Raises:
        BadInput: The folder cannot be read.
    """
    candidates = (
        sub / name
        for sub in sorted(_entries(folder))
        if sub.is_dir() and not sub.name.startswith(".")
        for name in RELEASE_NAMES
    )
    return [path for path in candidates if path.is_file()]


def passed_over_in(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the files directly in the folders among these that are not taken for pictures, by name."""
    from faceward.operations.folders import passed_over

    return tuple(file.name for path in paths for file in passed_over(path) if file.name not in RELEASE_NAMES)


def passed_over_of_subjects(folder: Path, releases: Iterable[Path]) -> tuple[str, ...]:
    """Return the files in the sub-folders of subjects that are neither pictures nor one of the releases read."""
    from faceward.operations.folders import passed_over

    read = {path.resolve() for path in releases}
    subjects = sorted(entry for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith("."))
    return tuple(
        file.relative_to(folder).as_posix()
        for subject in subjects
        for file in passed_over(subject)
        if file.name not in RELEASE_NAMES and file.resolve() not in read
    )


def passed_over_below(folder: Path) -> tuple[str, ...]:
    """Return the files in a folder and all below it that are not taken for pictures."""
    from faceward.operations.folders import passed_over

    return tuple(file.relative_to(folder).as_posix() for file in passed_over(folder, below=True))


def read_limited(path: Path, limit: int, what: str) -> bytes:
    """Read at most `limit` bytes of a file.

    Raises:
        BadInput: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise BadInput(f"{path}: the {what} cannot be read: {error.strerror}; check the path") from None


class Output:
    """A file being written; what was there before stays until `write` has succeeded."""

    def __init__(self, path: Path, temporary: Path) -> None:
        self._path, self._temporary = path, temporary

    def write(self, content: str | bytes) -> None:
        """Write the whole content, durably, and put it in place.

        Raises:
            EnvironmentFailure: The disk is full.
        """
        try:
            with self._temporary.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            self._temporary.replace(self._path)
        except OSError as error:
            raise _cannot_write(self._path, error) from None


@contextmanager
def output(path: Path) -> Iterator[Output]:
    """Make sure that a file of mode 0600 can be written, before the work whose result it shall hold.

    Raises:
        UsageError: The path is a folder.
        EnvironmentFailure: The folder is missing or not writable.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        yield Output(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def optional_output(path: Path | None) -> Iterator[Output | None]:
    """As `output`, where a file was named."""
    if path is None:
        yield None
    else:
        with output(path) as file:
            yield file


def keep_receipt(file: Output | None, receipt: str, what: str) -> bool:
    """Write a receipt, if a file was named; what it is for has happened, so a full disk must not hide it.

    Args:
        file: Where to.
        receipt: The receipt.
        what: What has happened, for the message.

    Returns:
        Whether it stands in the file.
    """
    from faceward.cli.output import note

    if file is None:
        return False
    try:
        file.write(receipt)
    except EnvironmentFailure as error:
        note(f"{error}; {what}, and the receipt stands in the output")
        return False
    return True


def _cannot_write(path: Path, error: OSError) -> EnvironmentFailure:
    return EnvironmentFailure(f"{path}: cannot be written: {error.strerror}; check space and permissions")
