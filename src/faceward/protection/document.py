"""Small documents beside a master key: one line of canonical JSON with a format, a version and a checksum.

The checksum tells a damaged file from a wrong secret. It keeps nobody from writing another document: what must
not be altered is authenticated by whoever reads it.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.errors import IntegrityError
from faceward.protection.files import read_bounded, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 16 * 1024
_VERSION = 1
_ENVELOPE: Final = frozenset({"format", "version", "checksum"})


def format_of(data: bytes) -> str | None:
    """Return the format that a document or its header claims, from its bytes, or None if it claims none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    header = document.get("header", document) if isinstance(document, dict) else None
    claimed = header.get("format") if isinstance(header, dict) else None
    return claimed if isinstance(claimed, str) else None


def write_document(path: Path, kind: str, fields: JSONObject, what: str, *, replace: bool = True) -> None:
    """Write a document, mode 0600, whole or not at all.

    Args:
        path: The file.
        kind: Its format.
        fields: Its fields, without format, version and checksum.
        what: What it is, for messages.
        replace: Whether a file of that name is replaced.

    Raises:
        UsageError: `replace` is false and the file exists.
        EnvironmentFailure: The file cannot be written.
    """
    document: JSONObject = {**fields, "format": kind, "version": _VERSION}
    whole: JSONObject = {**document, "checksum": sha256_hex(canonical_json(document))}
    write_atomically(path, canonical_json(whole) + b"\n", what, replace=replace)


class Document:
    """The fields of a document that was read; every look at one checks its type.

    Args:
        path: Where it lies, for messages.
        fields: What it says.
    """

    __slots__ = ("_fields", "_path")

    def __init__(self, path: Path, fields: JSONObject) -> None:
        self._path = path
        self._fields = fields

    @classmethod
    def read(cls, path: Path, kind: str, names: frozenset[str], what: str) -> Document:
        """Read a document.

        Args:
            path: The file.
            kind: The format it must have.
            names: Exactly the fields it must have, without format, version and checksum.
            what: What it is, for messages.

        Raises:
            IntegrityError: It is missing, damaged, of another format or of a newer version.
            EnvironmentFailure: It cannot be read.
        """
        data = read_bounded(path, MAX_BYTES, what)
        try:
            document = json.loads(data)
            exact = isinstance(document, dict) and canonical_json(document) + b"\n" == data
        except (ValueError, TypeError, RecursionError):
            exact, document = False, None
        if not exact or not isinstance(document, dict) or document.get("format") != kind:
            raise IntegrityError(f"{path} is not {what}; restore it from its backup")
        checksum = document.pop("checksum", None)
        if checksum != sha256_hex(canonical_json(document)):
            raise IntegrityError(f"{path} is damaged; restore it from its backup")
        version = document.get("version")
        if type(version) is not int or version != _VERSION:
            raise IntegrityError(f"{path} has version {version}, not {_VERSION}; upgrade faceward to open it")
        if frozenset(document) | _ENVELOPE != names | _ENVELOPE:
            raise IntegrityError(f"{path} is not {what}; restore it from its backup")
        return cls(path, {name: document[name] for name in names})

    def text(self, name: str) -> str:
        """Return a text that is not empty.

        Raises:
            IntegrityError: It is none.
        """
        value = self._fields[name]
        if not isinstance(value, str) or not value:
            raise self._wrong(name)
        return value

    def blob(self, name: str, length: int) -> bytes:
        """Return bytes of a known length, which stand in base64.

        Raises:
            IntegrityError: They are none, or of another length.
        """
        try:
            value = base64.b64decode(self.text(name), validate=True)
        except (ValueError, binascii.Error):
            raise self._wrong(name) from None
        if len(value) != length:
            raise self._wrong(name)
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        """Return a whole number within bounds.

        Raises:
            IntegrityError: It is none, or out of bounds.
        """
        value = self._fields[name]
        if type(value) is not int or not least <= value <= most:
            raise self._wrong(name)
        return value

    def digest(self, name: str) -> str:
        """Return a SHA-256 digest in hexadecimal.

        Raises:
            IntegrityError: It is none.
        """
        value = self.text(name)
        if not _is_digest(value):
            raise self._wrong(name)
        return value

    def digests(self, name: str, count: int) -> tuple[str, ...]:
        """Return a list of SHA-256 digests in hexadecimal, all different.

        Raises:
            IntegrityError: It is none, or not of this length.
        """
        value = self._fields[name]
        if not isinstance(value, list) or len(value) != count:
            raise self._wrong(name)
        texts = [text for text in value if isinstance(text, str) and _is_digest(text)]
        if len(set(texts)) != count:
            raise self._wrong(name)
        return tuple(texts)

    def _wrong(self, name: str) -> IntegrityError:
        return IntegrityError(f"{self._path} has a wrong {name}; restore it from its backup")


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
