"""Recording in the log: commitments in the leaf, openings sealed beside it (rule L4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from faceward.audit.entries import SUBJECT_SLOTS, Commitment, Entry, Opening, Phase, commit
from faceward.audit.log import Record
from faceward.audit.reader import SealedOpening
from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.core.reports import LogLine
from faceward.operations.deployment import Deployment
from faceward.operations.log_head import keep_head
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal_record

DETAILS = "details"
# A gallery name that no user can give, since names hold no control characters: its keys seal subjects' openings.
_SUBJECT_KEYS = "\x01log"
_DEPLOYMENT_KEY_ID = "0" * 32
# The kind of document that leads from a subject's pseudonym to that key.
_KEY_OF = "log-key"


@dataclass(frozen=True, slots=True)
class Happening:
    """What an entry is about.

    Attributes:
        operation: Name of the operation, for example `subject.erase`.
        details: What concerns nobody in particular.
        subjects: For each subject concerned, what concerns them.
    """

    operation: str
    details: JSONObject
    subjects: Mapping[str, JSONObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """An appended entry with its openings, for a receipt."""

    index: int
    openings: Mapping[str, Opening]


class Journal:
    """Writes entries of a deployment's log and opens what it may of them."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def write(
        self, phase: Phase, happenings: Sequence[Happening], refers: Sequence[int | None] = (), *, keep: bool = True
    ) -> list[Kept]:
        """Append entries in one transaction; they are durable when this returns.

        Args:
            phase: Where in its operation each entry stands.
            happenings: What each is about.
            refers: For `end` entries, the entries that they close.
            keep: Whether subjects' openings are stored, sealed. An erasure does not keep them.
        """
        now = self._deployment.now()
        closing = refers or [None] * len(happenings)
        prepared = [
            self._prepare(phase, happening, number, now, keep=keep)
            for happening, number in zip(happenings, closing, strict=True)
        ]
        indexes = self._deployment.log.append([record for record, _ in prepared], now)
        keep_head(self._deployment.keys, self._deployment.log.head)
        return [Kept(index, openings) for index, (_, openings) in zip(indexes, prepared, strict=True)]

    def _prepare(
        self, phase: Phase, happening: Happening, refers: int | None, now: datetime, *, keep: bool
    ) -> tuple[Record, dict[str, Opening]]:
        parts: dict[str, tuple[str | None, JSONObject]] = {
            DETAILS: (None, {"operator": self._deployment.operator, **happening.details})
        }
        for number, (subject, details) in enumerate(happening.subjects.items()):
            parts[f"{SUBJECT_SLOTS}{number}"] = (subject, {"subject": subject, **details})
        commitments, sealed, openings = [], [], {}
        for slot, (owner, details) in parts.items():
            digest, openings[slot] = commit(details)
            commitments.append(Commitment(slot, digest))
            if owner is None or keep:
                sealed.append(self._sealed(slot, digest, openings[slot], owner))
        entry = Entry(now, happening.operation, phase, refers, tuple(commitments))
        return Record(entry, tuple(sealed)), openings

    def _sealed(self, slot: str, digest: bytes, opening: Opening, owner: str | None) -> SealedOpening:
        keys = self._deployment.keys
        if owner is None:
            key_id, key = _DEPLOYMENT_KEY_ID, keys.secret("openings")
        else:
            key_id, key = self._subject_key(owner)
        return SealedOpening(slot, key_id, seal_record(opening.to_json(), _opener(key, key_id, slot, digest)))

    def subject_key_id(self, subject: str) -> str | None:
        """Return the identifier of the key that seals a subject's openings, or None where there is none."""
        found = self._deployment.kept(_KEY_OF, self._deployment.pseudonym(subject).hex())
        return None if found is None else str(found)

    def _subject_key(self, subject: str) -> tuple[str, bytes]:
        while True:
            key_id = self.subject_key_id(subject) or self._new_subject_key(subject)
            key = self._key(key_id)
            if key is not None:
                return key_id, key
            # An erasure destroyed it and is under way or was stopped; what comes now needs another.
            self._drop(self._deployment.pseudonym(subject).hex(), key_id)

    def _new_subject_key(self, subject: str) -> str:
        keys = self._deployment.keys
        keys.create_gallery_key(_SUBJECT_KEYS)
        [(key_id, _)] = keys.create_subject_keys(_SUBJECT_KEYS)
        # Of two processes at once the first decides: a key that nothing leads to would outlive the erasure.
        name = self._deployment.pseudonym(subject).hex()
        mine = self._document(name, key_id)
        kept = self._deployment.store.add_document(_KEY_OF, name, mine)
        if kept == mine:
            keys.set_pending([key_id], pending=False)
            return key_id
        keys.destroy([key_id])
        return str(json.loads(self._deployment.authentic(_KEY_OF, name, kept)))

    def forget(self, subject: str) -> None:
        """Destroy the key of a subject's openings, and the sealed openings themselves."""
        key_id = self.subject_key_id(subject)
        if key_id is not None:
            self._deployment.keys.destroy([key_id])
            self._drop(self._deployment.pseudonym(subject).hex(), key_id)

    def _drop(self, name: str, key_id: str) -> None:
        self._deployment.log.delete_openings(key_id)
        self._deployment.store.delete_document(_KEY_OF, name, self._document(name, key_id))

    def _document(self, name: str, key_id: str) -> bytes:
        return self._deployment.authenticated(_KEY_OF, name, canonical_json(key_id))

    def sweep(self) -> None:
        """Finish what a killed process left of subjects' keys; no other process may have the deployment open."""
        keys = self._deployment.keys
        names = self._deployment.store.documents(_KEY_OF)
        held = {str(self._deployment.kept(_KEY_OF, name)): name for name in names}
        pending = keys.pending(_SUBJECT_KEYS)
        keys.set_pending(pending & held.keys(), pending=False)
        if pending - held.keys():
            keys.destroy(sorted(pending - held.keys()))
        for key_id in keys.destroyed(held):
            self._drop(held[key_id], key_id)

    def opened(self, index: int, entry: Entry) -> dict[str, Opening]:
        """Open what can still be opened of an entry.

        Raises:
            IntegrityError: An opening does not authenticate or does not open its commitment, or the details, which
                no erasure takes, are not there.
        """
        result: dict[str, Opening] = {}
        for sealed in self._deployment.log.openings(index):
            key = self._key(sealed.key_id)
            if key is None:
                continue
            digest = entry.digest(sealed.slot)
            value = open_record(sealed.sealed, _opener(key, sealed.key_id, sealed.slot, digest))
            opening = Opening.from_json(value)
            if not opening.opens(digest):
                raise IntegrityError(f"log entry {index}: the details kept do not match what was committed to")
            result[sealed.slot] = opening
        if DETAILS in entry.slots and DETAILS not in result:
            raise IntegrityError(f"log entry {index}: its details were deleted; restore log.db from a backup")
        return result

    def _key(self, key_id: str) -> bytes | None:
        """Return a key, or None where it was destroyed with its subject."""
        keys = self._deployment.keys
        if key_id == _DEPLOYMENT_KEY_ID:
            return keys.secret("openings")
        try:
            return keys.subject_key(key_id)
        except IntegrityError:
            if keys.destroyed([key_id]):
                return None
            raise

    def line(self, index: int, entry: Entry, *, only: str | None = None) -> LogLine:
        """Show an entry.

        Args:
            index: Its position.
            entry: The entry.
            only: Show of all subjects' details those of this one alone.
        """
        opened = {slot: opening.details for slot, opening in self.opened(index, entry).items()}
        if only is not None:
            opened = {
                slot: details for slot, details in opened.items() if slot == DETAILS or details.get("subject") == only
            }
        return LogLine(
            index=index,
            time=to_rfc3339(entry.time),
            operation=entry.operation,
            phase=entry.phase.value,
            refers=entry.refers,
            opened=opened,
            sealed=tuple(slot for slot in entry.slots if slot not in opened),
        )


def _opener(key: bytes, key_id: str, slot: str, digest: bytes) -> SubjectKey:
    # Bound to its commitment, so that an opening cannot be moved to another entry.
    return SubjectKey(key, Binding("opening", digest[:16].hex(), key_id, "", "", slot))
