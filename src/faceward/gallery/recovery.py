"""Sweeping what a killed process left of a gallery."""

from __future__ import annotations

from faceward.gallery.results import Recovery
from faceward.gallery.vault import Vault


def recover(vault: Vault) -> Recovery:
    """Destroy keys whose references were never stored, and delete references whose keys were destroyed.

    Raises:
        EnvironmentFailure: The machine failed; repeat it.
    """
    keys, store, name = vault.keys, vault.store, vault.info.name
    with keys.guard.exclusive() as alone:
        if not alone:
            return Recovery(0, 0, busy=True)
        key_of = store.keys(name)
        pending, used = keys.pending(name), frozenset(key_of.values())
        keys.set_pending(pending & used, pending=False)
        orphans = sorted(pending - used)
        keys.destroy(orphans)
        gone = keys.destroyed(used)
        keyless = [reference_id for reference_id, key_id in key_of.items() if key_id in gone]
        store.delete(keyless)
    return Recovery(len(orphans), len(keyless))
