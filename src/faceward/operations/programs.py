"""What is kept of programs' keys, as far as the roster is concerned with it."""

from __future__ import annotations

from faceward.operations.deployment import Deployment
from faceward.policy.api_keys import KeyNote
from faceward.policy.sshsig import PublicKey

KIND = "api-key"


def notes(deployment: Deployment) -> list[KeyNote]:
    """Return what is kept of every key, revoked ones too."""
    return [KeyNote.from_json(value) for value in deployment.kept_all(KIND).values()]


def maker_of(deployment: Deployment, key: PublicKey) -> str | None:
    """Return who made a program's key, by its public half: empty where that was not noted, None for others' keys."""
    return next((note.by for note in notes(deployment) if PublicKey.parse(note.person).same_key(key)), None)
