"""References made ready to leave: sealed anew under keys of their own, so that the recipient can destroy each alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal_record
from faceward.protection.wrap import KEY_BYTES

if TYPE_CHECKING:
    from faceward.core.canonical import JSONValue
    from faceward.gallery.store import StoredReference
    from faceward.gallery.vault import Vault

_BATCH = 1024
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Handed:
    """A reference on its way out.

    Attributes:
        was: Pseudonym here, 32 bytes.
        stored: The reference as the recipient is to store it, under another pseudonym and key.
        key: Its key, 32 bytes.
        record: Its record, opened.
    """

    was: bytes
    stored: StoredReference
    key: bytes = field(repr=False)
    record: dict[str, JSONValue] = field(repr=False)


def hand_over(vault: Vault, purpose: str, now: datetime, named: Callable[[bytes], bytes]) -> Iterator[Handed]:
    """Seal every unexpired reference of a purpose and of the gallery's pack anew; features are opened in memory only.

    Args:
        vault: The gallery, whose key an operation holds.
        purpose: Name of the purpose.
        now: The current time, UTC.
        named: Gives a pseudonym, 32 bytes, the one that the recipient sees.

    Raises:
        PolicyRefusal: No operation holds the gallery's key (rule L2).
        IntegrityError: A reference does not authenticate; the message names it.
    """
    rows = vault.store.references(vault.info.name, now, purpose=purpose, pack=vault.info.pack)
    while batch := list(islice(rows, _BATCH)):
        found = vault.subject_keys(batch)
        for old in batch:
            # A simulated reference stands under the digest of its sample, and belongs to nobody.
            if old.key_id in found and old.subject != old.sample:
                yield _handed(vault, old, found[old.key_id], named(old.subject))


def _handed(vault: Vault, old: StoredReference, before: bytes, subject: bytes) -> Handed:
    key = secrets.token_bytes(KEY_BYTES)
    new = replace(old, key_id=secrets.token_hex(_ID_BYTES), subject=subject, sample=bytes(len(old.sample)))
    features = vault.scheme.renew(
        old.sealed, SubjectKey(before, old.binding("features")), SubjectKey(key, new.binding("features"))
    )
    record = open_record(old.record, SubjectKey(before, old.binding("record")))
    sealed = seal_record(record, SubjectKey(key, new.binding("record")))
    return Handed(old.subject, replace(new, sealed=features, record=sealed), key, record)
