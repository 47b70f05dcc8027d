"""What a deployment is made of."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from faceward.audit.log import Log
from faceward.core.canonical import JSONValue, canonical_json, sha256
from faceward.core.clock import Clock
from faceward.core.errors import IntegrityError, UsageError
from faceward.custody.presenter import Presenter
from faceward.custody.protocol import Custody, CustodyStatus
from faceward.gallery.search import Gallery
from faceward.gallery.sqlite import SQLiteStore
from faceward.gallery.store import GalleryInfo
from faceward.operations.config import Config
from faceward.operations.terms import Terms
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.purposes import Purpose
from faceward.policy.rules import Rules
from faceward.policy.sessions import OpenSession
from faceward.policy.standard import Standard
from faceward.policy.visits import OPERATOR, Visit
from faceward.protection.keys import KeyStore
from faceward.vision.images import Picture
from faceward.vision.pipeline import Pipeline

TAG_BYTES = 32


@dataclass(slots=True)
class Deployment:
    """An open deployment: every part that an operation needs, and no decision.

    Attributes:
        home: Its folder.
        config: Its public description.
        standard: The standard.
        rules: The standard's rules, ready to be asked.
        jurisdiction: The jurisdiction profile.
        store: Sealed references and documents.
        keys: The key store; operations reach it only through `context`.
        log: The log.
        pipeline: The model pack at work.
        clock: Where time comes from.
        operator: Who acts: who signed in, else as claimed.
        pool: Threads for pictures.
        custody: The custodian of the galleries' keys.
        session: The session of who signed in, or None.
        seen: What the custodian said last, if anything, shared by all who act; see `last_known`.
        visit: A subject who came by a link and acts for themselves; see `visits`.
    """

    home: Path
    config: Config
    standard: Standard
    rules: Rules
    jurisdiction: Jurisdiction
    store: SQLiteStore
    keys: KeyStore
    log: Log
    pipeline: Pipeline
    clock: Clock
    operator: str
    pool: ThreadPoolExecutor
    custody: Custody
    session: OpenSession | None = None
    visit: Visit | None = None
    seen: list[CustodyStatus] = field(default_factory=list)
    terms: Terms = field(init=False)
    presenter: Presenter = field(init=False)
    _galleries: dict[str, Gallery] = field(default_factory=dict)
    _secrets: dict[str, bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.terms = Terms(self._end)
        self.presenter = Presenter(self.custody, self.log)

    def begin_session(self, session: OpenSession) -> None:
        """Let the person who signed in act from now on."""
        self.session, self.operator = session, session.person
        self.presenter = Presenter(self.custody, self.log, session)

    def acting(self, operator: str, session: OpenSession | None = None) -> Deployment:
        """Return the same deployment as another person acts in it: every part is shared, who acts is not.

        Closing and locking belong to the one that was opened.

        Args:
            operator: Who acts, as the log will say; claimed unless a session proves it.
            session: The session of who signed in, or None.
        """
        view = replace(self, operator=operator, session=None, visit=None)
        # What was opened of a gallery is one, whoever opened it, and so is the term after which it is overwritten.
        view.terms = self.terms
        if session is not None:
            view.begin_session(session)
        return view

    def visited(self, visit: Visit) -> Deployment:
        """Return the same open deployment as a subject acts in it who came by a link; see `acting`."""
        view = self.acting(OPERATOR)
        view.visit = visit
        return view

    def is_own(self, subject: str) -> bool:
        """Tell whether who acts is this subject."""
        return self.operator == subject if self.visit is None else self.visit.subject == subject

    def lasting_secret(self, name: str) -> bytes:
        """Return a secret that is drawn at set-up and never changes, without reading the key store again.

        Raises:
            UsageError: There is none of that name.
            IntegrityError: It does not authenticate.
        """
        if name not in self._secrets:
            self._secrets[name] = self.keys.secret(name)
        return self._secrets[name]

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return self.clock.now()

    def pseudonym(self, subject: str) -> bytes:
        """Return the keyed digest under which a subject is stored; without the key it names nobody."""
        return hmac.digest(self.lasting_secret("pseudonyms"), b"subject\0" + subject.encode(), "sha256")

    def masked(self, kind: str, text: str) -> str:
        """Return what stands for a text in a document that is not sealed: 32 hexadecimal digits of a keyed digest."""
        keyed = hmac.digest(self.lasting_secret("pseudonyms"), f"masked\0{kind}\0{text}".encode(), "sha256")
        return keyed.hex()[:32]

    def sample_digest(self, picture: Picture) -> bytes:
        """Return the keyed digest of a picture's pixels, the same whatever its file's metadata say (rule E4)."""
        shape = f"{picture.width}x{picture.height}\0".encode()
        return hmac.digest(
            self.lasting_secret("pseudonyms"), b"sample\0" + shape + sha256(picture.pixels.tobytes()), "sha256"
        )

    def authenticated(self, kind: str, name: str, content: bytes) -> bytes:
        """Return a document with its keyed digest before it: who can write to gallery.db cannot make one."""
        return _tag(self.lasting_secret("documents"), (kind, name), content) + content

    def authentic(self, kind: str, name: str, document: bytes) -> bytes:
        """Return the content of what `authenticated` made.

        Raises:
            IntegrityError: It was altered, or made for another name.
        """
        return self._authentic((kind, name), document, self.lasting_secret("documents"))

    def _authentic(self, place: tuple[str, str], document: bytes, key: bytes) -> bytes:
        tag, content = document[:TAG_BYTES], document[TAG_BYTES:]
        if not hmac.compare_digest(tag, _tag(key, place, content)):
            kind, name = place
            raise IntegrityError(f"the {kind} {name!r} in gallery.db was altered; restore the file from a backup")
        return content

    def keep(self, kind: str, name: str, value: JSONValue) -> None:
        """Keep a document, authenticated, in the place of one of that kind and name."""
        self.store.put_document(kind, name, self.authenticated(kind, name, canonical_json(value)))

    def kept(self, kind: str, name: str) -> JSONValue:
        """Return a document, or None where there is none.

        Raises:
            IntegrityError: It was altered.
        """
        content = self.kept_content(kind, name)
        return None if content is None else _parsed(content)

    def kept_content(self, kind: str, name: str) -> bytes | None:
        """Return a document as it was written, or None where there is none; see `kept`."""
        try:
            document = self.store.document(kind, name)
        except UsageError:
            return None
        return self.authentic(kind, name, document)

    def kept_all(self, kind: str) -> dict[str, JSONValue]:
        """Return the documents of a kind by name, in two reads; what every search asks for must cost next to nothing.

        Raises:
            IntegrityError: One was altered.
        """
        documents = self.store.documents(kind)
        key = self.lasting_secret("documents") if documents else b""
        return {name: _parsed(self._authentic((kind, name), one, key)) for name, one in documents.items()}

    def remember_probe(self, picture: Picture) -> None:
        """Remember a picture as a probe (rule E4), by its pixels and, as a large one is read smaller, by its file."""
        self.store.remember_probe(self.now(), *self.picture_digests(picture))

    @contextmanager
    def remembering(self, picture: Picture) -> Iterator[None]:
        """Remember a picture as a probe while it is worked on; it is kept, or that fails, when the block ends."""
        kept = self.pool.submit(self.remember_probe, picture)
        try:
            yield
        finally:
            kept.result()

    def was_probe(self, picture: Picture) -> bool:
        """Tell whether a picture was a probe before."""
        return any(self.store.is_probe(digest) for digest in self.picture_digests(picture))

    def picture_digests(self, picture: Picture) -> tuple[bytes, bytes]:
        """Return the keyed digests that a picture is known by: of its pixels, and of its file."""
        file = hmac.digest(self.lasting_secret("pseudonyms"), b"file\0" + picture.digest, "sha256")
        return self.sample_digest(picture), file

    def purpose(self, name: str) -> Purpose | None:
        """Return a registered purpose, or None."""
        found = self.kept("purpose", name)
        return None if found is None else Purpose.from_json(found)

    def gallery_note(self, name: str) -> dict[str, JSONValue] | None:
        """Return what is noted of a gallery (`purpose`, `simulated`), or None where there is no such gallery."""
        value = self.kept("gallery", name)
        return value if isinstance(value, dict) else None

    def gallery_purpose(self, name: str) -> str | None:
        """Return the purpose that a gallery was created for, or None."""
        note = self.gallery_note(name)
        return None if note is None else str(note["purpose"])

    def gallery(self, name: str) -> Gallery:
        """Return a gallery, whose references open only while an operation was granted its key (rule L2).

        Erasing needs no key, so nothing stands in its way.

        Raises:
            UsageError: There is none of this name.
        """
        if (found := self._galleries.get(name)) is not None:
            return found
        # Of several threads the first decides: what a second one opened no term and no stop would overwrite.
        made = Gallery(name, self.store, self.keys, pack=self.pipeline.identifier)
        return self._galleries.setdefault(name, made)

    def create_gallery(self, name: str, purpose: str, key_id: str) -> None:
        """Create a gallery for a purpose; complete one whose creation was interrupted.

        Of two processes at once the first decides what the gallery is for.

        Args:
            name: Its name.
            purpose: Name of its purpose.
            key_id: Identifier of the key that the custodian has drawn for it.
        """
        note = canonical_json({"purpose": purpose, "simulated": 0})
        self.store.add_document("gallery", name, self.authenticated("gallery", name, note))
        self.keys.place_in_custody(name, key_id)
        try:
            Gallery.create(GalleryInfo(name, "sealed", self.pipeline.identifier, self.now()), self.store, self.keys)
        except UsageError:
            if name not in {info.name for info in self.store.galleries()}:
                raise

    def _end(self, name: str) -> None:
        gallery = self._galleries.get(name)
        if gallery is not None:
            gallery.lock()

    def lock(self) -> None:
        """Overwrite every opened reference in memory."""
        for gallery in tuple(self._galleries.values()):
            gallery.lock()
        self._galleries.clear()

    def close(self) -> None:
        """Lock and close every file."""
        self.terms.close()
        self.lock()
        self._secrets.clear()
        self.pool.shutdown(cancel_futures=True)
        self.keys.close()
        self.store.close()
        self.log.close()
        self.custody.close()


def _tag(key: bytes, place: tuple[str, str], content: bytes) -> bytes:
    return hmac.digest(key, sha256(canonical_json([*place])) + sha256(content), "sha256")


def _parsed(document: bytes) -> JSONValue:
    try:
        value: JSONValue = json.loads(document)
    except ValueError:
        raise IntegrityError("a stored document is damaged; restore gallery.db from a backup") from None
    return value
