"""References under fresh keys: the same features sealed anew, or features of another pack of the same sample."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from faceward.core.errors import FacewardError, UsageError
from faceward.protection.scheme import Features, SubjectKey
from faceward.protection.sealed import open_record, seal_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceward.core.canonical import JSONObject
    from faceward.gallery.store import StoredReference
    from faceward.gallery.vault import Vault


def renew(vault: Vault, subject: bytes) -> tuple[str, ...]:
    """Protect a subject's references anew under fresh keys and destroy the old ones (ISO/IEC 24745).

    Returns:
        The identifiers of the references, which stay the same.

    Raises:
        IntegrityError: A reference does not authenticate; nothing was changed.
    """
    keys, scheme = vault.keys, vault.scheme
    with keys.guard.alone():
        old = vault.store.by_subject(subject, gallery=vault.info.name)
        opened = vault.subject_keys(old)
        old = [reference for reference in old if reference.key_id in opened]
        new: list[StoredReference] = []
        for was, (key_id, key) in zip(old, keys.create_subject_keys(vault.info.name, len(old)), strict=True):
            will = replace(was, key_id=key_id)
            before, after = opened[was.key_id], SubjectKey(key, will.binding("features"))
            sealed = scheme.renew(was.sealed, SubjectKey(before, was.binding("features")), after)
            record = open_record(was.record, SubjectKey(before, was.binding("record")))
            resealed = seal_record(record, SubjectKey(key, will.binding("record")))
            new.append(replace(will, sealed=sealed, record=resealed))
        _swap(vault, old, new)
    return tuple(reference.reference_id for reference in new)


def migrate(vault: Vault, was: StoredReference, features: Features, record: JSONObject) -> None:
    """Put features of the gallery's pack in the place of a reference's, with its record; the old key is destroyed.

    Identifier, subject, purpose, term and sample stay. A process killed at any instant leaves either the old reference
    or the new one, whole, and `Gallery.recover` sweeps the other's key.

    Args:
        vault: The gallery.
        was: The reference as it was read.
        features: What the gallery's pack makes of the same sample, shape (d,), float32, of length 0.5 to 1.
        record: The record to keep.

    Raises:
        UsageError: It was erased or renewed meanwhile, or the features are not usable; nothing was changed.
    """
    keys = vault.keys
    with keys.guard.alone():
        if vault.store.reference(was.reference_id).key_id != was.key_id:
            raise UsageError(f"the reference {was.reference_id} was renewed meanwhile; repeat the migration")
        [(key_id, key)] = keys.create_subject_keys(vault.info.name, 1)
        try:
            will = replace(was, key_id=key_id, pack=vault.info.pack)
            sealed = vault.scheme.protect(features, SubjectKey(key, will.binding("features")))
            will = replace(will, sealed=sealed, record=seal_record(record, SubjectKey(key, will.binding("record"))))
        except FacewardError:
            # What cannot be destroyed now is pending, and recovery sweeps it.
            with suppress(FacewardError):
                keys.destroy([key_id])
            raise
        _swap(vault, [was], [will])


def _swap(vault: Vault, old: Sequence[StoredReference], new: Sequence[StoredReference]) -> None:
    keys = vault.keys
    keys.set_pending([reference.key_id for reference in old], pending=True)
    vault.store.replace(new)
    keys.set_pending([reference.key_id for reference in new], pending=False)
    keys.destroy([reference.key_id for reference in old])
