"""Files of people's private keys, in OpenSSH's form (PROTOCOL.key)."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

from faceward.core.errors import BadInput, EnvironmentFailure, UsageError, WrongSecret
from faceward.core.files import read_regular
from faceward.policy.sshwire import BadSignature, Reader

if TYPE_CHECKING:
    from pathlib import Path

_MAX_FILE = 16384
_MAX_ROUNDS = 2048
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"


def read_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Read a key file; see `PrivateKey.load`."""
    data = _read(path)
    secret = None
    if is_encrypted(path, data):
        if not passphrase:
            raise UsageError(f"{path}: this key has a passphrase; set FACEWARD_KEY_PASSPHRASE or type it")
        secret = passphrase.encode()
    try:
        key = load_ssh_private_key(data, secret)
    except UnsupportedAlgorithm:
        raise BadInput(
            f"{path}: a key of a kind that does not sign here; sign with 'ssh-keygen -Y sign' and bring the signature, "
            "or make a key with 'faceward person key'"
        ) from None
    except (ValueError, TypeError):
        if secret is None:
            raise BadInput(f"{path}: the key is damaged; restore its file") from None
        raise WrongSecret(f"{path}: the passphrase does not open this key; type it again") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(f"{path}: not an Ed25519 key; make one with 'faceward person key' or 'ssh-keygen -t ed25519'")
    return key


def has_passphrase(path: Path) -> bool:
    """Tell whether a passphrase opens a key file.

    Raises:
        BadInput: It cannot be read, or is no key.
    """
    return is_encrypted(path, _read(path))


def is_encrypted(path: Path, data: bytes) -> bool:
    """Tell whether a key file needs a passphrase.

    Raises:
        BadInput: It is no OpenSSH key, or opening it would take for ever.
    """
    body = data.strip()
    if not (body.startswith(_BEGIN) and body.endswith(_END)):
        raise BadInput(f"{path}: not an OpenSSH private key; give the file beside the one that ends in .pub")
    try:
        reader = Reader(base64.b64decode(body[len(_BEGIN) : -len(_END)]), "the key")
        good = reader.take(len(_MAGIC)) == _MAGIC
        cipher, options = reader.string(), _kdf_options(reader)
    except (binascii.Error, BadSignature):
        raise BadInput(f"{path}: the key is damaged; restore its file") from None
    if not good or options > _MAX_ROUNDS:
        raise BadInput(f"{path}: not a key that can be opened here; make one with 'faceward person key'")
    return cipher != b"none"


def _read(path: Path) -> bytes:
    try:
        data = read_regular(path, _MAX_FILE)
    except OSError as error:
        raise BadInput(f"{path}: the key cannot be read: {error.strerror}; check the path") from None
    if data is None:
        raise BadInput(f"{path}: too large to be a key; give the private key's file")
    return data


def _kdf_options(reader: Reader) -> int:
    """Return how many rounds of bcrypt open the key."""
    name, options = reader.string(), reader.string()
    if name == b"none":
        return 0
    inner = Reader(options, "the key")
    inner.string()  # salt
    return inner.number()


def write_key(key: Ed25519PrivateKey, path: Path, passphrase: str | None) -> None:
    """Write a key file; see `PrivateKey.write`."""
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, protection)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise UsageError(f"{path}: exists already; choose another name for the key") from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: the key cannot be written: {error.strerror}; choose another place") from None
