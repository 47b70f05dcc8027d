"""The keys that seal what the log holds about each subject; with its key, a subject's history and chain are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from faceward.audit.chain import chain_label
from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError
from faceward.operations.deployment import Deployment

# A gallery name that no user can give, since names hold no control characters: its keys seal subjects' openings.
SUBJECT_KEYS = "\x01log"
DEPLOYMENT_KEY_ID = "0" * 32
# The kind of document that leads from a subject's pseudonym to that key.
_KEY_OF = "log-key"


@dataclass(frozen=True, slots=True)
class SubjectLogKey:
    """The key of one subject's openings; the chain's label is drawn from it.

    Attributes:
        key_id: Its identifier.
        key: 32 bytes.
    """

    key_id: str
    key: bytes = field(repr=False)

    @property
    def label(self) -> bytes:
        """The label of the subject's chain, 32 bytes."""
        return chain_label(self.key)


class SubjectKeys:
    """Finds, draws and destroys the keys of subjects' openings."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def deployment_key(self) -> SubjectLogKey:
        """Return the key under which lies what concerns no subject."""
        return SubjectLogKey(DEPLOYMENT_KEY_ID, self._deployment.lasting_secret("openings"))

    def key_id(self, subject: str) -> str | None:
        """Return the identifier of the key that seals a subject's openings, or None where there is none."""
        found = self._deployment.kept(_KEY_OF, self._deployment.pseudonym(subject).hex())
        return None if found is None else str(found)

    def found(self, subject: str) -> SubjectLogKey | None:
        """Return the key that seals a subject's openings, or None where there is none or it was destroyed."""
        key_id = self.key_id(subject)
        key = None if key_id is None else self.key(key_id)
        return None if key_id is None or key is None else SubjectLogKey(key_id, key)

    def of(self, key_id: str) -> SubjectLogKey | None:
        """Return the subject's key of an identifier, or None where it was destroyed or is no subject's."""
        key = None if key_id == DEPLOYMENT_KEY_ID else self.key(key_id)
        return None if key is None else SubjectLogKey(key_id, key)

    def drawn(self, subject: str) -> SubjectLogKey:
        """Return a subject's key, drawn if there is none."""
        while True:
            key_id = self.key_id(subject) or self._new_subject_key(subject)
            key = self.key(key_id)
            if key is not None:
                return SubjectLogKey(key_id, key)
            # An erasure destroyed it and is under way or was stopped; what comes now needs another.
            self._drop(self._deployment.pseudonym(subject).hex(), key_id)

    def _new_subject_key(self, subject: str) -> str:
        keys = self._deployment.keys
        keys.create_gallery_key(SUBJECT_KEYS)
        [(key_id, _)] = keys.create_subject_keys(SUBJECT_KEYS)
        # Of two processes at once the first decides: a key that nothing leads to would outlive the erasure.
        name = self._deployment.pseudonym(subject).hex()
        mine = self._document(name, key_id)
        kept = self._deployment.store.add_document(_KEY_OF, name, mine)
        if kept == mine:
            keys.set_pending([key_id], pending=False)
            return key_id
        keys.destroy([key_id])
        return str(json.loads(self._deployment.authentic(_KEY_OF, name, kept)))

    def destroy(self, owner: SubjectLogKey) -> None:
        """Destroy a subject's key: what is sealed under it can be opened no more. `drop` follows."""
        self._deployment.keys.destroy([owner.key_id])

    def drop(self, subject: str, key_id: str) -> None:
        """Blank the openings sealed under a destroyed key, and forget what led to it."""
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
        pending = keys.pending(SUBJECT_KEYS)
        keys.set_pending(pending & held.keys(), pending=False)
        if pending - held.keys():
            keys.destroy(sorted(pending - held.keys()))
        for key_id in keys.destroyed(held):
            self._drop(held[key_id], key_id)

    def key(self, key_id: str) -> bytes | None:
        """Return a key, or None where it was destroyed with its subject."""
        keys = self._deployment.keys
        if key_id == DEPLOYMENT_KEY_ID:
            return keys.secret("openings")
        try:
            return keys.subject_key(key_id)
        except IntegrityError:
            if keys.destroyed([key_id]):
                return None
            raise
