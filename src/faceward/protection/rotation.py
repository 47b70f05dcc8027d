"""Opening the key store with its holder, and replacing the master key without a moment of loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure, IntegrityError, WrongSecret
from faceward.protection.files import sync_folder
from faceward.protection.holder import MasterKeyHolder, new_master_key
from faceward.protection.keys import KeyStore

if TYPE_CHECKING:
    from pathlib import Path


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
    staged = holder.staged()
    if not staged.path.exists():
        return KeyStore.open(path, holder.open())
    try:
        store = KeyStore.open(path, holder.open())
    except (IntegrityError, WrongSecret):
        # The key store was rewrapped before the crash: the staged key is the current one. Shares of the next key
        # are other words, so that the secret that opens it need not open the former.
        store = KeyStore.open(path, staged.open())
        _adopt(holder)
        return store
    # The crash came before the rewrapping: the staged key was never used.
    staged.path.unlink(missing_ok=True)
    return store


def rotate_master(store: KeyStore, holder: MasterKeyHolder) -> None:
    """Replace the master key.

    1. Stage the new one beside the old; 2. rewrap; 3. put the new one in its place. A crash between leaves a
    deployment that `open_keys` opens and tidies.

    Raises:
        EnvironmentFailure: A file cannot be written; the deployment still opens with the holder's secret.
    """
    master = new_master_key()
    # Step 1.
    holder.staged().seal(master)
    # Step 2.
    store.rotate_master(master)
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
