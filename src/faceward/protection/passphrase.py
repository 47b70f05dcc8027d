"""The master key in a file sealed with a passphrase.

Argon2id and not age's own passphrase form: age uses scrypt with a work factor that its binding fixes at about
three seconds an opening, too slow for a command line; Argon2id at RFC 9106's second recommended option takes
about 0.3 s.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.errors import IntegrityError, UsageError, WrongSecret
from faceward.protection.files import read_bounded, write_atomically
from faceward.protection.holder import MASTER_KEY_BYTES, require_master, staged_path

if TYPE_CHECKING:
    from pathlib import Path

_WHAT = "the master key"
FORMAT = "faceward-master-key"
_VERSION = 1
_MAX_FILE_BYTES = 4096
_SALT_BYTES = 16
_NONCE_BYTES = 12
_SEALED_BYTES = MASTER_KEY_BYTES + 16
# Bounds on what a file may ask of the machine that opens it: a hostile file cannot claim 100 GB or an hour.
_MAX_MEMORY_KIB = 1024 * 1024
_MAX_ITERATIONS = 16
_MAX_LANES = 16


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """Cost of deriving a key from a passphrase (RFC 9106, section 4, second recommended option by default).

    Attributes:
        memory_kib: Memory in KiB, at least 8 for each lane and at most 1 GiB.
        iterations: Passes over the memory, 1 to 16.
        lanes: Degree of parallelism, 1 to 16.
    """

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    def bounded(self) -> bool:
        """Say whether the machine can be asked for this."""
        return (
            1 <= self.lanes <= _MAX_LANES
            and 1 <= self.iterations <= _MAX_ITERATIONS
            and 8 * self.lanes <= self.memory_kib <= _MAX_MEMORY_KIB
        )


DEFAULT_COST = Argon2Cost()
"""What sealing spends where nothing else is said."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    cost: Argon2Cost
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    def header(self) -> JSONObject:
        return {
            "format": FORMAT,
            "version": _VERSION,
            "kdf": "argon2id",
            "memory_kib": self.cost.memory_kib,
            "iterations": self.cost.iterations,
            "lanes": self.cost.lanes,
            "salt": base64.b64encode(self.salt).decode(),
            "cipher": "aes-256-gcm",
            "nonce": base64.b64encode(self.nonce).decode(),
        }


@dataclass(frozen=True, slots=True)
class PassphraseFile:
    """A holder whose secret is a passphrase.

    The file is one line of JSON: a readable header, which is the associated data of the AES-256-GCM
    ciphertext, and a checksum that tells a damaged file from a wrong passphrase.

    Attributes:
        path: The file.
        passphrase: Any script; compared in Unicode NFC, so that every keyboard's spelling of it opens.
        cost: What sealing spends; opening follows the file.
    """

    path: Path
    passphrase: str = field(repr=False)
    cost: Argon2Cost = field(default_factory=lambda: DEFAULT_COST)

    def open(self) -> bytes:
        """Return the 32-byte master key; see `MasterKeyHolder.open`."""
        sealed = _parse(read_bounded(self.path, _MAX_FILE_BYTES, _WHAT), self.path)
        key = self._derive(sealed)
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, canonical_json(sealed.header()))
        except InvalidTag:
            raise WrongSecret(f"the passphrase does not open {self.path}; check it and try again") from None

    def seal(self, master: bytes, *, replace: bool = True) -> None:
        """Write the master key under a fresh salt and nonce; see `MasterKeyHolder.seal`."""
        require_master(master)
        if not self.cost.bounded():
            raise UsageError(f"the cost {self.cost} is out of bounds; use the default")
        draft = _Sealed(self.cost, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES), b"")
        header = canonical_json(draft.header())
        ciphertext = AESGCM(self._derive(draft)).encrypt(draft.nonce, master, header)
        document: JSONObject = {
            "header": draft.header(),
            "ciphertext": base64.b64encode(ciphertext).decode(),
            "checksum": sha256_hex(header + ciphertext),
        }
        write_atomically(self.path, canonical_json(document) + b"\n", _WHAT, replace=replace)

    def staged(self) -> PassphraseFile:
        """Return the holder of the next master key; see `MasterKeyHolder.staged`."""
        return PassphraseFile(staged_path(self.path), self.passphrase, self.cost)

    def _derive(self, sealed: _Sealed) -> bytes:
        if not self.passphrase:
            raise UsageError("the passphrase is empty; give at least one character")
        try:
            secret = unicodedata.normalize("NFC", self.passphrase).encode()
        except UnicodeEncodeError:
            raise UsageError("the passphrase is not valid Unicode; type it again") from None
        return Argon2id(
            salt=sealed.salt,
            length=MASTER_KEY_BYTES,
            iterations=sealed.cost.iterations,
            lanes=sealed.cost.lanes,
            memory_cost=sealed.cost.memory_kib,
        ).derive(secret)


def _parse(data: bytes, path: Path) -> _Sealed:
    """Read the file's one line, trusting nothing in it."""
    try:
        document = json.loads(data)
        header = document["header"]
        version = header["version"]
        if header["format"] == FORMAT and isinstance(version, int) and version > _VERSION:
            raise IntegrityError(f"{path} has the newer version {version}; upgrade faceward to open it")
        cost = Argon2Cost(header["memory_kib"], header["iterations"], header["lanes"])
        sealed = _Sealed(
            cost,
            base64.b64decode(header["salt"], validate=True),
            base64.b64decode(header["nonce"], validate=True),
            base64.b64decode(document["ciphertext"], validate=True),
        )
        whole = (
            # An exact comparison of bytes: JSON's `true` and `1.0` equal the integer 1 in Python.
            canonical_json(header) == canonical_json(sealed.header())
            and document["checksum"] == sha256_hex(canonical_json(header) + sealed.ciphertext)
            and len(sealed.salt) == _SALT_BYTES
            and len(sealed.nonce) == _NONCE_BYTES
            and len(sealed.ciphertext) == _SEALED_BYTES
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise IntegrityError(f"{path} is not a master key file; restore it from its backup") from None
    if not whole:
        raise IntegrityError(f"{path} is damaged; restore it from its backup")
    if not _integers(cost) or not cost.bounded():
        raise IntegrityError(f"{path} asks for more work than a master key may; restore it from its backup")
    return sealed


def _integers(cost: Argon2Cost) -> bool:
    return all(type(value) is int for value in (cost.memory_kib, cost.iterations, cost.lanes))
