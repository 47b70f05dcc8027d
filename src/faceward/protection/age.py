"""The master key in a file encrypted to age recipients (C2SP age, X25519)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyrage

from faceward.core.errors import BadInput, IntegrityError, UsageError, WrongSecret
from faceward.protection.files import read_bounded, write_atomically
from faceward.protection.holder import MASTER_KEY_BYTES, require_master, staged_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

_WHAT = "the master key"
_MAX_FILE_BYTES = 64 * 1024
_MAX_IDENTITY_BYTES = 64 * 1024
HEADER = b"age-encryption.org/"
_CURRENT = b"age-encryption.org/v1\n"
_NO_KEY = "No matching keys found"


@dataclass(frozen=True, slots=True)
class AgeFile:
    """A holder whose secret is an age identity file, as `age-keygen` writes it.

    Attributes:
        path: The encrypted master key.
        identity_file: Lines of `AGE-SECRET-KEY-1…`; `#` starts a comment. Keep it on another medium.
        recipients: `age1…` strings the key is sealed to, for example a second custodian; empty means the
            identity's own.
    """

    path: Path
    identity_file: Path = field(repr=False)
    recipients: tuple[str, ...] = ()

    def open(self) -> bytes:
        """Return the 32-byte master key; see `MasterKeyHolder.open`."""
        data = read_bounded(self.path, _MAX_FILE_BYTES, _WHAT)
        if data.startswith(HEADER) and not data.startswith(_CURRENT):
            raise IntegrityError(f"{self.path} has another version of the age format; upgrade faceward to open it")
        try:
            master = bytes(pyrage.decrypt(data, self._identities()))
        except pyrage.DecryptError as error:
            if _NO_KEY in str(error):
                raise WrongSecret(f"{self.identity_file} does not open {self.path}; use its identity") from None
            raise IntegrityError(f"{self.path} is damaged; restore it from its backup") from None
        if len(master) != MASTER_KEY_BYTES:
            raise IntegrityError(f"{self.path} does not hold a master key; restore it from its backup")
        return master

    def seal(self, master: bytes, *, replace: bool = True) -> None:
        """Write the master key to the recipients; see `MasterKeyHolder.seal`."""
        require_master(master)
        sealed = bytes(pyrage.encrypt(master, self._recipients()))
        write_atomically(self.path, sealed, _WHAT, replace=replace)

    def staged(self) -> AgeFile:
        """Return the holder of the next master key; see `MasterKeyHolder.staged`."""
        return AgeFile(staged_path(self.path), self.identity_file, self.recipients)

    def _identities(self) -> list[pyrage.x25519.Identity]:
        return _identities(self.identity_file)

    def _recipients(self) -> list[pyrage.x25519.Recipient]:
        if not self.recipients:
            return [identity.to_public() for identity in self._identities()]
        return [_recipient(text) for text in self.recipients]


def _identities(path: Path) -> list[pyrage.x25519.Identity]:
    text = read_bounded(path, _MAX_IDENTITY_BYTES, "the identity file")
    try:
        lines = [line.strip() for line in text.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (UnicodeDecodeError, pyrage.IdentityError):
        found = []
    if not found:
        raise BadInput(f"{path} holds no age X25519 identity; make one with age-keygen")
    return found


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise UsageError("a recipient is not an age X25519 recipient; give strings that begin with age1") from None


def check_recipient(text: str) -> None:
    """Check that a text is an age X25519 recipient (`age1…`).

    Raises:
        UsageError: It is not.
    """
    _recipient(text)


def seal_to(text: str, data: bytes) -> bytes:
    """Encrypt bytes to an age recipient (C2SP age, X25519).

    Raises:
        UsageError: It is no recipient.
    """
    return bytes(pyrage.encrypt(data, [_recipient(text)]))


def encrypt_stream(source: IO[bytes], target: IO[bytes], recipients: Sequence[str]) -> None:
    """Encrypt a stream to age recipients, whatever its length.

    Raises:
        UsageError: One is no recipient.
    """
    pyrage.encrypt_io(source, target, [_recipient(text) for text in recipients])


def decrypt_stream(source: IO[bytes], target: IO[bytes], identity_file: Path, name: Path) -> None:
    """Decrypt what `encrypt_stream` wrote; use nothing of the target before this has returned.

    Raises:
        WrongSecret: It was encrypted to somebody else.
        BadInput: The identity file holds no identity.
        IntegrityError: The data are damaged.
    """
    try:
        pyrage.decrypt_io(source, target, _identities(identity_file))
    except pyrage.DecryptError as error:
        if _NO_KEY in str(error):
            raise WrongSecret(f"{identity_file} does not open {name}; use the recipient's identity") from None
        raise IntegrityError(f"{name} is damaged; take another copy of it") from None
    except OSError as error:
        # So the library reports what does not decrypt in the middle; the machine's own errors have a number.
        if error.errno is not None:
            raise
        raise IntegrityError(f"{name} is damaged; take another copy of it") from None


def open_parcel(data: bytes, identity_file: Path) -> bytes:
    """Decrypt what `seal_to` made.

    Raises:
        WrongSecret: It was sealed to somebody else.
        BadInput: The identity file holds no identity, or the data are damaged or no age file.
    """
    try:
        return bytes(pyrage.decrypt(data, _identities(identity_file)))
    except pyrage.DecryptError as error:
        if _NO_KEY in str(error):
            raise WrongSecret(f"{identity_file} does not open this package; use the recipient's identity") from None
        raise BadInput("the package is damaged or no age file; ask for it again") from None


def new_identity_file(path: Path) -> str:
    """Write a fresh X25519 identity, mode 0600, and return its recipient (`age1…`).

    Raises:
        UsageError: The file exists.
        EnvironmentFailure: It cannot be written.
    """
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    text = f"# public key: {recipient}\n{identity}\n"
    write_atomically(path, text.encode(), "the identity file", replace=False)
    return recipient
