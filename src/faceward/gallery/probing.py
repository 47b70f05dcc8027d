"""A stored reference as a probe: its features are opened for one comparison, and overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from faceward.core.errors import UsageError
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import MODE, unseal
from faceward.protection.zeroise import zeroise

if TYPE_CHECKING:
    from faceward.gallery.store import StoredReference
    from faceward.gallery.vault import Vault
    from faceward.protection.scheme import Features


@contextmanager
def opened(vault: Vault, reference: StoredReference) -> Iterator[Features]:
    """Open a reference's features for a block, shape (d,), float32.

    Raises:
        UsageError: The gallery's mode gives no features to anybody.
        IntegrityError: It does not authenticate, or its key was destroyed.
    """
    if vault.scheme.mode != MODE:
        raise UsageError(f"references of the mode {vault.scheme.mode} cannot be probes; search with a picture")
    opener = SubjectKey(vault.keys.subject_key(reference.key_id), reference.binding("features"))
    features = np.frombuffer(bytearray(unseal(reference.sealed, opener)), dtype="<f4")
    try:
        yield features
    finally:
        zeroise(features)
