"""Who holds the master key, and how it is opened.

The master key wraps the keys of galleries and nothing else. Four holders share one protocol: a passphrase, age
identities, a key in a hardware module, and shares of which several custodians must come together.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MASTER_KEY_BYTES = 32


class MasterKeyHolder(Protocol):
    """Seals and opens the 32-byte master key of a deployment."""

    @property
    def path(self) -> Path:
        """Where the sealed master key lies, or what tells its shares from others."""
        ...

    def open(self) -> bytes:
        """Return the 32-byte master key.

        Raises:
            WrongSecret: The passphrase, identity, PIN or shares are not those it was sealed for.
            IntegrityError: The file is missing, damaged or of a newer version.
            EnvironmentFailure: The file cannot be read, or the hardware is not there.
        """
        ...

    def seal(self, master: bytes, *, replace: bool = True) -> None:
        """Write the master key, sealed with this holder's secret, atomically.

        Raises:
            UsageError: `replace` is false and the file exists, or the holder was not told what sealing needs.
            EnvironmentFailure: The file cannot be written, or the hardware is not there.
        """
        ...

    def staged(self) -> MasterKeyHolder:
        """Return a holder with the same secret and a file beside this one's, for a rotation under way."""
        ...


def new_master_key() -> bytes:
    """Draw a master key from the operating system's generator."""
    return secrets.token_bytes(MASTER_KEY_BYTES)


def require_master(master: bytes) -> None:
    """Refuse what cannot be a master key.

    Raises:
        UsageError: It is not 32 bytes.
    """
    if len(master) != MASTER_KEY_BYTES:
        raise UsageError(f"a master key has {MASTER_KEY_BYTES} bytes, not {len(master)}")


def reseal(old: MasterKeyHolder, new: MasterKeyHolder) -> None:
    """Seal the same master key with another secret: a new passphrase, other recipients, new shares, hardware.

    Both may name the same file. The key store need not change, so this is cheap; after a secret has leaked
    together with the file, rotate the master key as well (`faceward.protection.rotation`).

    Raises:
        WrongSecret: The old secret does not open the master key.
        IntegrityError: The file is damaged.
        EnvironmentFailure: A file cannot be read or written.
    """
    new.seal(old.open())


def staged_path(path: Path) -> Path:
    """Return where a rotation under way keeps the next master key."""
    return path.with_name(path.name + ".next")
