"""Openings of the log's commitments under the keys of those whom they concern (rule L4)."""

from __future__ import annotations

from faceward.audit.entries import Entry, Opening
from faceward.audit.sealed import SealedOpening
from faceward.core.errors import IntegrityError
from faceward.operations.subject_keys import SubjectLogKey
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal_record


def seal_opening(slot: str, opening: Opening, owner: SubjectLogKey) -> SealedOpening:
    """Seal an opening under the key of whom it concerns."""
    opener = _opener(owner.key, owner.key_id, slot, opening.digest())
    return SealedOpening(slot, owner.key_id, seal_record(opening.to_json(), opener))


def unsealed(index: int, entry: Entry, one: SealedOpening, key: bytes) -> Opening:
    """Open an opening with the key that it is sealed by.

    Raises:
        IntegrityError: It does not authenticate, or does not open the entry's commitment.
    """
    digest = entry.digest(one.slot)
    opening = Opening.from_json(open_record(one.sealed, _opener(key, one.key_id, one.slot, digest)))
    if not opening.opens(digest):
        raise IntegrityError(f"log entry {index}: the details kept do not match what was committed to")
    return opening


def _opener(key: bytes, key_id: str, slot: str, digest: bytes) -> SubjectKey:
    # Bound to its commitment, so that an opening cannot be moved to another entry.
    return SubjectKey(key, Binding("opening", digest[:16].hex(), key_id, "", "", slot))
