"""The file that keeps features of test data: append-only, records of one size, each with its own checksum.

A process that is killed loses at most the record that it was writing. Every append happens under a lock on the file and
first cuts off what a killed process left unfinished, so that several processes may add to one file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from faceward.core.canonical import sha256
from faceward.core.errors import EnvironmentFailure
from faceward.core.files import sync_folder

KEY_BYTES = 32
_MAGIC = b"faceward features 1\n"
_SUM_BYTES = 8
_HEADER_BYTES = len(_MAGIC) + KEY_BYTES + 8 + _SUM_BYTES
_READ_RECORDS = 4096


class FeatureFile:
    """Records by key. Threads and processes may use one file at once.

    Args:
        path: The file; made with mode 0600, its folder with 0700, where they are not there.
        form: What the records are of: a file whose header says another is begun anew.
        size: Bytes of a record's value.

    Raises:
        EnvironmentFailure: The file cannot be made, read or locked.
    """

    def __init__(self, path: Path, form: str, size: int) -> None:
        self._path, self._size = path, size
        self._header = _summed(_MAGIC + sha256(form.encode()) + size.to_bytes(8, "big"))
        self._record_bytes = KEY_BYTES + size + _SUM_BYTES
        self._guard = Lock()
        with self._failing():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(path, flags, 0o600)
            os.fchmod(self._descriptor, 0o600)

    def read(self) -> dict[bytes, bytes]:
        """Return all intact records; of one key the last. What is damaged or unfinished is as if it were not there."""
        found: dict[bytes, bytes] = {}
        with self._failing(), self._locked():
            self._repair()
            place, step = _HEADER_BYTES, self._record_bytes * _READ_RECORDS
            while block := os.pread(self._descriptor, step, place):
                place += len(block)
                for start in range(0, len(block) - self._record_bytes + 1, self._record_bytes):
                    record = block[start : start + self._record_bytes]
                    body = record[:-_SUM_BYTES]
                    if _summed(body) == record:
                        found[body[:KEY_BYTES]] = body[KEY_BYTES:]
        return found

    def append(self, key: bytes, value: bytes) -> None:
        """Add a record.

        Raises:
            EnvironmentFailure: The disk is full or fails; the file then ends with the record before.
        """
        if len(key) != KEY_BYTES or len(value) != self._size:
            raise ValueError("a record has the size that its file was opened with")
        record = _summed(key + value)
        with self._failing(), self._locked():
            end = self._repair()
            if os.pwrite(self._descriptor, record, end) < len(record):
                os.ftruncate(self._descriptor, end)
                raise OSError(28, os.strerror(28))

    def close(self) -> None:
        """Make what was added durable, and close the file."""
        with self._failing():
            try:
                os.fsync(self._descriptor)
                sync_folder(self._path.parent)
            finally:
                os.close(self._descriptor)

    def _repair(self) -> int:
        """Cut off an unfinished record, begin a file of another form anew, and return where the next record goes."""
        size = os.fstat(self._descriptor).st_size
        if size < _HEADER_BYTES or os.pread(self._descriptor, _HEADER_BYTES, 0) != self._header:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, self._header, 0)
            return _HEADER_BYTES
        torn = (size - _HEADER_BYTES) % self._record_bytes
        if torn:
            os.ftruncate(self._descriptor, size - torn)
        return size - torn

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A lock of the file belongs to what `open` returned, which the threads of a process share.
        with self._guard:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EnvironmentFailure(
                f"{self._path}: features cannot be kept: {error.strerror}; make room, name another folder with "
                "FACEWARD_FEATURES, or give --no-cache"
            ) from None


def _summed(data: bytes) -> bytes:
    return data + hashlib.blake2b(data, digest_size=_SUM_BYTES).digest()
