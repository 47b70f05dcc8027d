"""Opening the key store with its holder, and replacing the master key without a moment of loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from faceward.core.errors import EnvironmentFailure, IntegrityError, WrongSecret
from faceward.core.files import sync_folder
from faceward.protection.holder import MasterKeyHolder, new_master_key
from faceward.protection.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def create_keys(path: Path, holder: MasterKeyHolder) -> KeyStore:
    """Draw a master key, seal it with the holder and set up an empty key store under it.

    Raises:
        UsageError: The holder's file or the key store exists.
        EnvironmentFailure: A file cannot be written.
    """
    master = new_master_key()
    holder.seal(master, replace=False)
    return KeyStore.create(path, master)


def open_keys(path: Path, holder: MasterKeyHolder) -> KeyStore:
    """Open the key store with the holder's master key, finishing a rotation that was interrupted.

    Raises:
        WrongSecret: The holder's secret is wrong.
        IntegrityError: A file is missing or damaged, or they do not belong together.
        EnvironmentFailure: A file cannot be read.
    """
    return open_sealed(holder, lambda master: KeyStore.open(path, master))


def rotate_master(store: KeyStore, holder: MasterKeyHolder) -> None:
    """Replace the master key of a key store; a crash between leaves one that `open_keys` opens and tidies.

    Raises:
        EnvironmentFailure: A file cannot be written; the deployment still opens with the holder's secret.
    """
    replace_master(holder, store.rotate_master)


def open_sealed(holder: MasterKeyHolder, opener: Callable[[bytes], T]) -> T:
    """Open what a master key opens, finishing a rotation that was interrupted.

    Args:
        holder: What opens the master key.
        opener: Opens what lies under it, and raises IntegrityError if that belongs to another master key.

    Raises:
        WrongSecret: The holder's secret is wrong.
        IntegrityError: A file is missing or damaged, or they do not belong together.
        EnvironmentFailure: A file cannot be read.
    """
    staged = holder.staged()
    if not staged.path.exists():
        return opener(holder.open())
    try:
        opened = opener(holder.open())
    except (IntegrityError, WrongSecret):
        # All was rewrapped before the crash: the staged key is the current one. Shares of the next key are other
        # words, so that the secret that opens it need not open the former.
        opened = opener(staged.open())
        _adopt(holder)
        return opened
    # The crash came before the rewrapping: the staged key was never used.
    staged.path.unlink(missing_ok=True)
    return opened


def replace_master(holder: MasterKeyHolder, rewrap: Callable[[bytes], None]) -> None:
    """Replace a master key.

    1. Stage the new one beside the old; 2. rewrap; 3. put the new one in its place. A crash between leaves what
    `open_sealed` opens and tidies.

    Args:
        holder: What seals the next one, as it seals this one.
        rewrap: Wraps everything by the master key it is given, whole or not at all.

    Raises:
        EnvironmentFailure: A file cannot be written; all still opens with the holder's secret.
    """
    master = new_master_key()
    # Step 1.
    holder.staged().seal(master)
    # Step 2.
    rewrap(master)
    # Step 3.
    _adopt(holder)


def _adopt(holder: MasterKeyHolder) -> None:
    try:
        holder.staged().path.replace(holder.path)
        sync_folder(holder.path.parent)
    except OSError as error:
        raise EnvironmentFailure(
            f"the master key {holder.path} cannot be replaced ({error.strerror}); check permissions"
        ) from error
