"""Cases at rest: sealed under keys of their own, and each change under a new one.

A case has two keys: one for its pictures, as long as it exists, and one for everything else, drawn anew at each change.
The old one is destroyed, so that an older copy of gallery.db cannot bring back a case as it was before an answer.
Deleting a case destroys both (rule P7): no copy or backup of it can be opened again.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations.deployment import Deployment
from faceward.policy.review_codec import read_case
from faceward.policy.review_model import Case
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal, seal_record, unseal
from faceward.vision.images import Picture, decode
from faceward.vision.pipeline import ANALYSIS_PIXELS

# A gallery name that no user can give, since names hold no control characters.
CASE_KEYS = "\x01case"
_HEAD = "case"
_PICTURE = "case-picture"
# By which a picture of a case is known again without opening any: its keyed digests (rule H2).
_PRINT = "case-print"
_SHORTEST_PREFIX = 4
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Held:
    """What can be said of a case without opening it; nothing of it names anybody.

    Attributes:
        id: The case.
        revision: How often it was changed.
        key: Identifier of the key of its content.
        pictures: Identifier of the key of its pictures.
        search: Index of the search's log entry.
        mandate: Digest of the mandate's request; empty where there is none.
        expires: When it ends, UTC.
        name: Name of the document.
        sealed: Its content.
    """

    id: str
    revision: int
    key: str
    pictures: str
    search: int
    mandate: str
    expires: datetime
    name: str
    sealed: bytes


class CaseStore:
    """The cases of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._keys, self._store = deployment.keys, deployment.store

    def new_id(self) -> str:
        """Draw an identifier, 32 hexadecimal digits."""
        return secrets.token_hex(_ID_BYTES)

    def held(self) -> Iterator[Held]:
        """Iterate over all cases in the order of their identifiers, unopened.

        Raises:
            IntegrityError: A document was altered.
        """
        yield from self._held("")

    def named(self, cases: Iterable[str]) -> Iterator[Held]:
        """Iterate over those of these cases that are there, by whole identifiers, unopened.

        Raises:
            IntegrityError: A document was altered.
        """
        for case in cases:
            yield from self._held(f"{case}/")

    def _held(self, start: str) -> Iterator[Held]:
        """Iterate over the cases whose identifier begins so."""
        latest = {name.partition("/")[0]: (name, content) for name, content in self._heads(start)}
        for name, content in latest.values():
            yield self._read(name, content)

    def find(self, prefix: str) -> Held:
        """Return the one case whose identifier begins so.

        Raises:
            UsageError: There is none, or several.
        """
        found = [] if len(prefix) < _SHORTEST_PREFIX else [h for h in self._held(prefix) if h.id.startswith(prefix)]
        if not found:
            raise UsageError(f"no case {prefix!r}; 'case list' shows them, and four digits of one are enough")
        if len(found) > 1:
            raise UsageError(f"several cases begin with {prefix!r}; give more digits")
        return found[0]

    def open(self, held: Held) -> Case:
        """Open a case.

        Raises:
            IntegrityError: It was altered, or is an older copy of the case, whose key was destroyed.
        """
        if self._keys.destroyed([held.key]):
            raise IntegrityError(f"the case {held.id[:8]} is an older copy, put back; restore gallery.db from a backup")
        return read_case(open_record(held.sealed, self._opener(held.id, held.key, str(held.revision))))

    def read(self, prefix: str) -> tuple[Held, Case]:
        """Find and open a case, also while another process changes it; see `find` and `open`."""
        while True:
            held = self.find(prefix)
            try:
                return held, self.open(held)
            except IntegrityError:
                if self.find(prefix).revision == held.revision:
                    raise

    def create(self, case: Case, pictures: Mapping[str, bytes]) -> None:
        """Keep a new case with its pictures, which are by SHA-256."""
        self._keys.create_gallery_key(CASE_KEYS)
        [(picture_key, _)] = self._keys.create_subject_keys(CASE_KEYS)
        self._put_pictures(case.id, picture_key, pictures)
        self._add(case, 1, picture_key)
        self._keys.set_pending([picture_key], pending=False)

    def change(self, case_id: str, step: Callable[[Case], Case], pictures: Mapping[str, bytes] | None = None) -> Case:
        """Replace a case by what follows from it; of two processes at once none is lost.

        Args:
            case_id: The whole identifier.
            step: Given the case, returns the new one, or the same to leave it. It is called again where another
                process was faster, and may refuse then.
            pictures: Pictures that the new one names, by SHA-256.
        """
        while True:
            held, case = self.read(case_id)
            changed = step(case)
            if changed == case:
                return case
            self._put_pictures(case_id, held.pictures, pictures or {})
            if self._add(changed, held.revision + 1, held.pictures, held):
                return changed

    def picture(self, held: Held, digest: str) -> bytes:
        """Return the bytes of a picture of a case.

        Raises:
            IntegrityError: It is missing or was altered.
        """
        try:
            sealed = self._store.document(_PICTURE, f"{held.id}/{digest}")
        except UsageError:
            raise IntegrityError(f"a picture of the case {held.id[:8]} is missing; restore gallery.db") from None
        data = unseal(sealed, self._opener(digest[:32], held.pictures, held.id))
        if sha256_hex(data) != digest:
            raise IntegrityError(f"a picture of the case {held.id[:8]} is another; restore gallery.db")
        return data

    def holds(self, picture: Picture) -> bool:
        """Tell whether a picture is of a case, the same file or the same pixels; no case is opened."""
        digests = self._deployment.picture_digests(picture)
        return any(self._store.documents(_PRINT, digest.hex()) for digest in digests)

    def delete(self, held: Held) -> None:
        """Destroy a case's keys, then its documents; repeating it is safe."""
        self._keys.destroy([held.key, held.pictures])
        for name, _ in self._heads(f"{held.id}/"):
            self._store.delete_document(_HEAD, name)
        self._drop_pictures(held.id)

    def sweep(self) -> None:
        """Finish what a killed process left; no other process may have the deployment open."""
        latest = {held.id: held for held in self.held()}
        for name, _ in self._heads(""):
            held = latest[name.partition("/")[0]]
            if name != held.name:
                self._retire(self._read(name, self._store.document(_HEAD, name)))
        for held in latest.values():
            if self._keys.destroyed([held.pictures]):
                self.delete(held)
        used = {key for held in latest.values() for key in (held.key, held.pictures)}
        pending = self._keys.pending(CASE_KEYS)
        self._keys.set_pending(pending & used, pending=False)
        if pending - used:
            self._keys.destroy(sorted(pending - used))
        for name in self._store.documents(_PICTURE):
            if name.partition("/")[0] not in latest:
                self._store.delete_document(_PICTURE, name)
        for name in self._store.documents(_PRINT):
            if name.rpartition("/")[2] not in latest:
                self._store.delete_document(_PRINT, name)

    def _add(self, case: Case, revision: int, picture_key: str, old: Held | None = None) -> bool:
        """Keep a revision; False where another process kept one of that number before."""
        [(key_id, key)] = self._keys.create_subject_keys(CASE_KEYS)
        opener = SubjectKey(key, _binding(case.id, key_id, str(revision)))
        name = f"{case.id}/{revision:08d}"
        head = canonical_json(
            {
                "key": key_id,
                "pictures": picture_key,
                "search": case.search.entry,
                "mandate": case.search.mandate,
                "expires": to_rfc3339(case.expires),
                "sealed": base64.b64encode(seal_record(case.to_json(), opener)).decode(),
            }
        )
        mine = self._deployment.authenticated(_HEAD, name, head)
        kept = self._store.add_document(_HEAD, name, mine)
        # Whoever keeps a revision destroys the key of the one before. If that is gone, this number was taken and left.
        if kept != mine or (old is not None and self._keys.destroyed([old.key])):
            self._store.delete_document(_HEAD, name, mine)
            self._keys.destroy([key_id])
            return False
        self._keys.set_pending([key_id], pending=False)
        if old is not None:
            self._retire(old)
        return True

    def _retire(self, old: Held) -> None:
        self._keys.destroy([old.key])
        self._store.delete_document(_HEAD, old.name)

    def _heads(self, prefix: str) -> list[tuple[str, bytes]]:
        return sorted(item for item in self._store.documents(_HEAD, prefix).items() if item[0].startswith(prefix))

    def _read(self, name: str, document: bytes) -> Held:
        raw = json.loads(self._deployment.authentic(_HEAD, name, document))
        case_id, _, revision = name.partition("/")
        return Held(
            id=case_id,
            revision=int(revision),
            key=raw["key"],
            pictures=raw["pictures"],
            search=raw["search"],
            mandate=raw["mandate"],
            expires=from_rfc3339(raw["expires"]),
            name=name,
            sealed=base64.b64decode(raw["sealed"]),
        )

    def _put_pictures(self, case_id: str, key_id: str, pictures: Mapping[str, bytes]) -> None:
        for digest, data in pictures.items():
            sealed = seal(data, self._opener(digest[:32], key_id, case_id))
            self._store.put_document(_PICTURE, f"{case_id}/{digest}", sealed)
            for known_by in self._deployment.picture_digests(decode(data, "the picture", ANALYSIS_PIXELS)):
                self._deployment.keep(_PRINT, f"{known_by.hex()}/{case_id}", {})

    def _drop_pictures(self, case_id: str) -> None:
        for name in self._store.documents(_PICTURE, f"{case_id}/"):
            self._store.delete_document(_PICTURE, name)
        for name in self._store.documents(_PRINT):
            if name.endswith(f"/{case_id}"):
                self._store.delete_document(_PRINT, name)

    def _opener(self, name: str, key_id: str, part: str) -> SubjectKey:
        return SubjectKey(self._keys.subject_key(key_id), _binding(name, key_id, part))


def _binding(name: str, key_id: str, part: str) -> Binding:
    return Binding("record", name, key_id, CASE_KEYS, "", part)
