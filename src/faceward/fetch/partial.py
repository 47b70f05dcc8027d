"""A file of which the beginning is there, and the server's name for the version that it is the beginning of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faceward.core.errors import EnvironmentFailure

_MAX_TAG = 256


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
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._disk(error) from None

    @property
    def tag(self) -> str | None:
        """The server's entity tag of the version that was begun, or None."""
        try:
            return self._tag_path.read_text(encoding="ascii")[:_MAX_TAG] or None
        except (OSError, ValueError):
            return None

    def begin(self, tag: str) -> None:
        """Start anew, with the server's entity tag; only a strong one (RFC 9110, 8.8.3) makes ranges of one version."""
        self.forget()
        if tag.startswith('"') and len(tag) <= _MAX_TAG and tag.isprintable() and tag.isascii():
            # Without it the hash alone finds that two versions were mixed.
            with suppress(OSError):
                self._tag_path.write_text(tag, encoding="ascii")

    @contextmanager
    def appending(self) -> Iterator[IO[bytes]]:
        """Open it to be continued; what was written is there even if the process is killed."""
        try:
            file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise self._disk(error) from None
        with file:
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
            with self.path.open("rb") as file:
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

    @property
    def _tag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def _disk(self, error: OSError) -> EnvironmentFailure:
        return EnvironmentFailure(f"{self.path.parent}: {error.strerror or 'cannot be written'}; what came is kept")
