"""Which kind of holder sealed a master key: its file says so."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from faceward.core.errors import IntegrityError
from faceward.protection import age, passphrase, pkcs11, shares
from faceward.protection.document import format_of
from faceward.protection.files import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 64 * 1024


class Backend(StrEnum):
    """What opens a master key."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not a secret
    AGE = "age"
    PKCS11 = "pkcs11"
    SHARES = "shares"


_FORMATS = {
    passphrase.FORMAT: Backend.PASSPHRASE,
    pkcs11.FORMAT: Backend.PKCS11,
    shares.FORMAT: Backend.SHARES,
}


def backend_of(path: Path) -> Backend:
    """Say what opens a sealed master key.

    Raises:
        IntegrityError: The file is missing, damaged, or of a kind that this version does not know.
        EnvironmentFailure: It cannot be read.
    """
    data = read_bounded(path, _MAX_BYTES, "the master key")
    if data.startswith(age.HEADER):
        return Backend.AGE
    found = _FORMATS.get(format_of(data) or "")
    if found is None:
        raise IntegrityError(f"{path} is no master key that this version knows; restore it, or upgrade faceward")
    return found
