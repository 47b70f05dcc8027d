"""Users of a gallery: subjects whom a program has named, and which of their references it counts to them.

A user is a subject: the same name, sealed under the subject's own key, which an erasure destroys. It adds nothing to
what is compared; it says which candidates a program wants to hear of.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from faceward.core.canonical import JSONValue, sha256_hex
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.subject_keys import SubjectLogKey
from faceward.policy.facts import Context, purpose_context
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal_record

_USER = "collection-user"
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class User:
    """A user of a gallery.

    Attributes:
        name: The subject's name.
        pseudonym: The subject's pseudonym, 32 bytes.
        created: When the user was named, UTC.
        references: Which references count to them; those erased since are not among them.
        token: Digest of the token of the request that named them; empty without one.
    """

    name: str
    pseudonym: bytes
    created: datetime
    references: tuple[str, ...] = ()
    token: str = ""


class Users:
    """The users of one gallery. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
        gallery: The gallery's name.
    """

    def __init__(self, deployment: Deployment, desk: Desk, gallery: str) -> None:
        self._deployment, self._desk, self._gallery = deployment, desk, gallery

    def create(self, name: str, token: str = "") -> bool:
        """Name a user; return whether there was none of that name, or one that the same request named.

        Args:
            name: The subject's name.
            token: What the request is known by when it is sent again; empty without one.
        """
        name = check_name(name, "subject")
        digest = sha256_hex(token.encode()) if token else ""
        there = self.get(name)
        if there is not None:
            return bool(digest) and there.token == digest
        user = User(name, self._deployment.pseudonym(name), self._deployment.now(), token=digest)
        self._change("user.create", user, [])
        return True

    def delete(self, name: str) -> bool:
        """Forget a user, not the subject and not their references; return whether there was one."""
        user = self.get(name)
        if user is None:
            return False
        with self._desk.operation("gallery.create", self._facts(), self._happening("user.delete", user, [])):
            self._deployment.store.delete_document(self._kind, user.pseudonym.hex())
        return True

    def associate(self, user: User, references: Collection[str]) -> User:
        """Count references of the same subject to a user."""
        changed = replace(user, references=tuple(sorted({*user.references, *references})))
        self._change("user.associate", changed, sorted(references))
        return changed

    def disassociate(self, user: User, references: Collection[str]) -> User:
        """Count references to a user no more; they stay in the gallery."""
        changed = replace(user, references=tuple(one for one in user.references if one not in references))
        self._change("user.disassociate", changed, sorted(references))
        return changed

    def get(self, name: str) -> User | None:
        """Return a user, or None where there is none of that name."""
        pseudonym = self._deployment.pseudonym(check_name(name, "subject"))
        return self._read(pseudonym, self._deployment.kept(self._kind, pseudonym.hex()))

    def of_pseudonym(self, pseudonym: bytes) -> User | None:
        """Return the user who is a subject, or None where the program has named none."""
        return self._read(pseudonym, self._deployment.kept(self._kind, pseudonym.hex()))

    def all(self) -> tuple[User, ...]:
        """Return all users, in an order that tells nothing and does not change."""
        kept = self._deployment.kept_all(self._kind)
        found = (self._read(bytes.fromhex(name), value) for name, value in sorted(kept.items()))
        return tuple(user for user in found if user is not None)

    def count(self) -> int:
        """Return how many users there are."""
        return len(self._deployment.store.documents(self._kind))

    @property
    def _kind(self) -> str:
        return f"{_USER}/{self._gallery}"

    def _change(self, operation: str, user: User, references: list[str]) -> None:
        happening = self._happening(operation, user, references)
        with self._desk.operation("gallery.create", self._facts(), happening):
            owner = self._desk.journal.keys.drawn(user.name)
            sealed = seal_record({"user": user.name}, self._opener(owner, user.pseudonym))
            listed: list[JSONValue] = [*user.references]
            value: dict[str, JSONValue] = {
                "created": to_rfc3339(user.created),
                "key": owner.key_id,
                "sealed": base64.b64encode(sealed).decode("ascii"),
                "references": listed,
                "token": user.token,
            }
            self._deployment.keep(self._kind, user.pseudonym.hex(), value)

    def _happening(self, operation: str, user: User, references: list[str]) -> Happening:
        listed: list[JSONValue] = [*references]
        return Happening(operation, {"gallery": self._gallery}, {user.name: {"references": listed}})

    def _facts(self) -> Context:
        purpose = self._deployment.gallery_purpose(self._gallery)
        if purpose is None:
            raise UsageError(f"no gallery {self._gallery!r}; create it first")
        return purpose_context(self._deployment.purpose(purpose), self._deployment.standard)

    def _read(self, pseudonym: bytes, value: JSONValue) -> User | None:
        if not isinstance(value, dict):
            return None
        owner = self._desk.journal.keys.of(str(value["key"]))
        if owner is None:
            # The subject was erased by a process that ended in between.
            self._deployment.store.delete_document(self._kind, pseudonym.hex())
            return None
        try:
            blob = base64.b64decode(str(value["sealed"]), validate=True)
        except ValueError:
            raise IntegrityError("a user in gallery.db is damaged; restore the file from a backup") from None
        name = str(open_record(blob, self._opener(owner, pseudonym))["user"])
        there = {one.reference_id for one in self._deployment.store.by_subject(pseudonym, gallery=self._gallery)}
        listed = value["references"]
        references = tuple(str(one) for one in listed if str(one) in there) if isinstance(listed, list) else ()
        return User(name, pseudonym, from_rfc3339(str(value["created"])), references, str(value["token"]))

    def _opener(self, owner: SubjectLogKey, pseudonym: bytes) -> SubjectKey:
        place = Binding("record", pseudonym.hex()[:_ID_DIGITS], owner.key_id, self._gallery, "", _USER)
        return SubjectKey(owner.key, place)


def forget(deployment: Deployment, subject: str) -> None:
    """Delete what is kept of a subject as a user; part of their erasure."""
    for info in deployment.store.galleries():
        deployment.store.delete_document(f"{_USER}/{info.name}", deployment.pseudonym(subject).hex())


def forget_all(deployment: Deployment, gallery: str) -> None:
    """Delete every user of a gallery; part of its deletion."""
    for name in deployment.store.documents(f"{_USER}/{gallery}"):
        deployment.store.delete_document(f"{_USER}/{gallery}", name)
