"""The two files of a backup: tar archives with a manifest that is authenticated by the deployment's own secret.

A part is an uncompressed tar file: `manifest.json`, `manifest.tag`, then the files that the manifest names, in its
order. The manifest is canonical JSON; the tag is its HMAC-SHA256. A part may be encrypted to age recipients as a whole.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import sync_folder
from faceward.protection.age import HEADER, decrypt_stream, encrypt_stream

ARCHIVE, KEYS = "archive", "keys"
"""The parts: what is sealed, and what opens it."""

FORMAT = 1
MANIFEST, _TAG = "manifest.json", "manifest.tag"
_USE = b"faceward/backup/manifest/v1"
_MAX_MANIFEST = 2**20
_TAG_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Contained:
    """A file of a part: its size in bytes and its SHA-256, 64 hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a part holds.

    Attributes:
        part: `archive` or `keys`.
        backup: Identifier of the backup, 32 hexadecimal digits; the same in both parts.
        origin: The log's identity.
        made: When, RFC 3339.
        log_size: Number of entries of its log.
        log_root: Root hash over them, 64 hexadecimal digits.
        files: By name.
    """

    part: str
    backup: str
    origin: str
    made: str
    log_size: int
    log_root: str
    files: Mapping[str, Contained]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        files: JSONObject = {n: {"size": f.size, "sha256": f.sha256} for n, f in self.files.items()}
        return canonical_json(
            {
                "format": FORMAT,
                "part": self.part,
                "backup": self.backup,
                "origin": self.origin,
                "made": self.made,
                "log_size": self.log_size,
                "log_root": self.log_root,
                "files": files,
            }
        )


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A part that was read: its manifest, and the tag that is still to be checked."""

    manifest: Manifest
    tag: bytes

    def check(self, secret: bytes, path: Path) -> None:
        """Check that this deployment made the part.

        Raises:
            IntegrityError: It did not, or the manifest was altered.
        """
        if not hmac.compare_digest(self.tag, manifest_tag(self.manifest, secret)):
            raise IntegrityError(f"{path}: its manifest was altered or is of another deployment; take another backup")


def manifest_tag(manifest: Manifest, secret: bytes) -> bytes:
    """Return the 32-byte tag of a manifest under a deployment's secret."""
    return hmac.digest(hmac.digest(secret, _USE, "sha256"), manifest.encode(), "sha256")


def contained(path: Path) -> Contained:
    """Return a file's size and digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Contained(file.tell(), digest)


def pack(folder: Path, manifest: Manifest, tag: bytes, target: Path, recipients: tuple[str, ...]) -> str:
    """Write a part, mode 0600, and make it durable; return its SHA-256 as 64 hexadecimal digits.

    Args:
        folder: Where the manifest's files lie.
        manifest: What goes in.
        tag: Its tag.
        target: A file that does not exist, for `put`.
        recipients: age recipients to encrypt to; none leaves it as it is.
    """
    plain = target if not recipients else target.with_name(f"{target.name}.plain")
    with _new(plain) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            _add(tar, MANIFEST, io.BytesIO(manifest.encode()))
            _add(tar, _TAG, io.BytesIO(tag))
            for name in manifest.files:
                with (folder / name).open("rb") as one:
                    _add(tar, name, one)
        file.flush()
        os.fsync(file.fileno())
    if recipients:
        with plain.open("rb") as read, _new(target) as file:
            encrypt_stream(read, file, recipients)
            file.flush()
            os.fsync(file.fileno())
        plain.unlink()
    return contained(target).sha256


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = file.seek(0, os.SEEK_END), 0o600
    file.seek(0)
    tar.addfile(info, file)


def put(draft: Path, target: Path) -> None:
    """Put a finished part in its place, in one step; both lie on one file system."""
    draft.replace(target)
    sync_folder(target.parent)


def unpack(path: Path, part: str, folder: Path, identity: Path | None = None) -> Unpacked:
    """Read a part into a folder, checking every file against the manifest; the manifest's tag is the caller's to check.

    Args:
        path: The part.
        part: Which it must be.
        folder: An empty folder of mode 0700.
        identity: age identity, where the part is encrypted.

    Raises:
        IntegrityError: It was altered or cut short, or is not that part of a backup.
        UsageError: It is encrypted and there is no identity, or the other way round.
        WrongSecret: The identity does not open it.
        EnvironmentFailure: It cannot be read, or the folder cannot be written.
    """
    plain = folder / ".plain"
    try:
        with path.open("rb") as file:
            encrypted = file.read(len(HEADER)) == HEADER
            file.seek(0)
            if encrypted != (identity is not None):
                raise UsageError(
                    f"{path}: is encrypted; name the age identity that opens it: --archive-identity FILE"
                    if encrypted
                    else f"{path}: is not encrypted; leave out --archive-identity"
                )
            if identity is None:
                return _unpack(file, part, folder, path)
            with _new(plain) as out:
                decrypt_stream(file, out, identity, path)
        with plain.open("rb") as file:
            return _unpack(file, part, folder, path)
    except OSError as error:
        where = error.filename or path
        raise EnvironmentFailure(f"{where}: {error.strerror}; check the path, space and permissions") from None
    finally:
        plain.unlink(missing_ok=True)


def _unpack(file: IO[bytes], part: str, folder: Path, path: Path) -> Unpacked:
    broken = IntegrityError(f"{path}: was altered or cut short, or is no part of a backup; take another copy of it")
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            members = iter(tar)
            raw = _small(tar, next(members), MANIFEST, _MAX_MANIFEST)
            tag = _small(tar, next(members), _TAG, _TAG_BYTES)
            manifest = _parsed(raw)
            if manifest.encode() != raw:
                raise broken
            if manifest.part != part:
                raise IntegrityError(f"{path}: is the other part of a backup; give FILE and --keys the right way round")
            for name, expected in manifest.files.items():
                _extract(tar, next(members), name, expected, folder)
            if next(members, None) is not None:
                raise broken
    except (tarfile.TarError, StopIteration, EOFError, ValueError, KeyError, TypeError, AttributeError):
        raise broken from None
    return Unpacked(manifest, tag)


def _small(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, limit: int) -> bytes:
    source = tar.extractfile(member) if member.name == name and member.isreg() and member.size <= limit else None
    if source is None:
        raise ValueError(name)
    return source.read()


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, expected: Contained, folder: Path) -> None:
    source = tar.extractfile(member) if member.name == name and member.isreg() else None
    if source is None or member.size != expected.size:
        raise ValueError(name)
    hashed = hashlib.sha256()
    with _new(folder / name) as out:
        while chunk := source.read(_CHUNK):
            hashed.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if hashed.hexdigest() != expected.sha256:
        raise ValueError(name)


def _parsed(raw: bytes) -> Manifest:
    value = json.loads(raw)
    if value.pop("format") != FORMAT:
        raise IntegrityError("the backup is of another version; restore it with the version of faceward that made it")
    files = {name: Contained(int(one["size"]), str(one["sha256"])) for name, one in value.pop("files").items()}
    if not all(_NAME.fullmatch(name) for name in files) or {MANIFEST, _TAG} & set(files):
        raise ValueError("names")
    return Manifest(files=files, **value)
