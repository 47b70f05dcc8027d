"""What is kept of programs' keys, as far as the roster is concerned with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from faceward.core.errors import IntegrityError
from faceward.operations.deployment import TAG_BYTES, Deployment
from faceward.policy.api_keys import KeyNote
from faceward.policy.sshsig import PublicKey

KIND = "api-key"


def notes(deployment: Deployment) -> list[KeyNote]:
    """Return what is kept of every key, revoked ones too, save for those of which that was altered."""
    return [note for note in _read(deployment).values() if note is not None]


def altered(deployment: Deployment) -> list[KeyNote]:
    """Return what the notes of keys say that were altered; nothing of that holds but the identifier."""
    documents = deployment.store.documents(KIND)
    return [
        _claimed(name, documents[name])
        for name, note in _read(deployment).items()
        if note is None and name in documents
    ]


def maker_of(deployment: Deployment, key: PublicKey) -> str | None:
    """Return who made a program's key, by its public half: empty where that was not noted, None for others' keys.

    Raises:
        IntegrityError: What is kept of a key was altered, which may be this one.
    """
    read = _read(deployment)
    for note in read.values():
        if note is not None and PublicKey.parse(note.person).same_key(key):
            return note.by
    unknown = next((name for name, note in read.items() if note is None), None)
    if unknown is not None:
        raise IntegrityError(f"what is kept of the key {unknown} in gallery.db was altered; revoke it")
    return None


def _read(deployment: Deployment) -> dict[str, KeyNote | None]:
    """Read the notes one by one: one that was altered stands in nobody's way but its own key's."""
    read: dict[str, KeyNote | None] = {}
    for name, document in deployment.store.documents(KIND).items():
        try:
            read[name] = KeyNote.from_json(json.loads(deployment.authentic(KIND, name, document)))
        except (IntegrityError, ValueError):
            read[name] = None
    return read


def _claimed(name: str, document: bytes) -> KeyNote:
    try:
        return replace(KeyNote.from_json(json.loads(document[TAG_BYTES:])), id=name)
    except (IntegrityError, ValueError, TypeError):
        nothing = frozenset[str]()
        return KeyNote(name, name, nothing, nothing, datetime.fromtimestamp(0, UTC), None, None, "", "")
