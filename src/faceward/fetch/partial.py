"""A file of which the beginning is there, and the server's name for the version that it is the beginning of."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO

from faceward.core.errors import EnvironmentFailure

_MAX_TAG = 256
_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Partial:
    """Bytes that were fetched so far. All methods raise EnvironmentFailure where the disk does not do it.

    Attributes:
        path: Where they are collected. The name must be that of the content: bytes found there are taken for its
            beginning, until the hash says otherwise.
    """

    path: Path

    @property
    def length(self) -> int:
        """How many bytes are there."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._disk(error) from None
        if not stat.S_ISREG(found.st_mode):
            raise self._foreign()
        return found.st_size

    @property
    def tag(self) -> str | None:
        """The server's entity tag of the version that was begun, or None."""
        try:
            with os.fdopen(os.open(self._tag_path, _SAFELY | os.O_RDONLY | os.O_NONBLOCK), encoding="ascii") as file:
                return file.read(_MAX_TAG) or None
        except (OSError, ValueError):
            return None

    def begin(self, tag: str) -> None:
        """Start anew, with the server's entity tag; only a strong one (RFC 9110, 8.8.3) makes ranges of one version."""
        self.forget()
        if tag.startswith('"') and len(tag) <= _MAX_TAG and tag.isprintable() and tag.isascii():
            # Without it the hash alone finds that two versions were mixed.
            with suppress(OSError):
                fresh = os.open(self._tag_path, _SAFELY | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(fresh, "w", encoding="ascii") as file:
                    file.write(tag)

    @contextmanager
    def appending(self) -> Iterator[IO[bytes]]:
        """Open it to be continued; what was written is there even if the process is killed."""
        with self._opened(os.O_WRONLY | os.O_APPEND | os.O_CREAT, "ab") as file:
            yield file

    def write(self, file: IO[bytes], data: bytes) -> None:
        """Append to the open file."""
        view = memoryview(data)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            raise self._disk(error) from None

    def digest(self) -> str:
        """Return the SHA-256 of what is there; the tag has served its purpose."""
        try:
            with self._opened(os.O_RDONLY, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            self._tag_path.unlink(missing_ok=True)
        except OSError as error:
            raise self._disk(error) from None
        return found

    def forget(self) -> None:
        """Remove it."""
        try:
            self.path.unlink(missing_ok=True)
            self._tag_path.unlink(missing_ok=True)
        except OSError as error:
            raise self._disk(error) from None

    def _opened(self, flags: int, mode: str) -> FileIO:
        """Open the file itself: what another user put in its place, such as a link to a file of ours, is refused."""
        try:
            number = os.open(self.path, flags | _SAFELY | os.O_NONBLOCK, 0o666)
        except OSError as error:
            raise (self._foreign() if error.errno in (errno.ELOOP, errno.ENXIO) else self._disk(error)) from None
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise self._foreign()
        return FileIO(number, mode)

    @property
    def _tag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def _foreign(self) -> EnvironmentFailure:
        return EnvironmentFailure(f"{self.path}: is a link or no regular file; nothing was written: remove it")

    def _disk(self, error: OSError) -> EnvironmentFailure:
        return EnvironmentFailure(f"{self.path.parent}: {error.strerror or 'cannot be written'}; what came is kept")
