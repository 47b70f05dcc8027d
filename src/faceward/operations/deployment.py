"""What a deployment is made of, and its public description on disk."""

from __future__ import annotations

import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from faceward.audit.log import Log
from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256
from faceward.core.clock import Clock
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import read_regular
from faceward.gallery.search import Gallery
from faceward.gallery.sqlite import SQLiteStore
from faceward.gallery.store import GalleryInfo
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.purposes import Purpose
from faceward.policy.rules import Rules
from faceward.policy.standard import Standard
from faceward.protection.keys import KeyStore
from faceward.vision.images import Picture
from faceward.vision.pipeline import Pipeline

FORMAT = 1
CONFIG_FILE = "deployment.json"
KEY_FILE = "master.key"
KEYS_FILE = "keys.db"
GALLERY_FILE = "gallery.db"
LOG_FILE = "log.db"
VKEY_FILE = "log.vkey"
_MAX_CONFIG_BYTES = 2**16
_TAG_BYTES = 32


@dataclass(frozen=True, slots=True)
class Config:
    """The public description of a deployment, `deployment.json`.

    Attributes:
        standard: Name of the standard it was set up under.
        jurisdiction: Code of its jurisdiction profile.
        controller: Who decides about the data, for notices; may be empty.
        contact: How subjects reach the controller; may be empty.
        pack: Name of the model pack.
        pack_digest: Digest of the pack's manifest.
        origin: The log's identity.
        created: When it was set up, RFC 3339.
        age: Whether the master key is held by an age identity instead of a passphrase.
    """

    standard: str
    jurisdiction: str
    controller: str
    contact: str
    pack: str
    pack_digest: str
    origin: str
    created: str
    age: bool

    def to_json(self) -> JSONObject:
        """Return the object that is written."""
        return {
            "format": FORMAT,
            "standard": self.standard,
            "jurisdiction": self.jurisdiction,
            "controller": self.controller,
            "contact": self.contact,
            "pack": self.pack,
            "pack_digest": self.pack_digest,
            "origin": self.origin,
            "created": self.created,
            "age": self.age,
        }

    def digest(self) -> bytes:
        """Return the SHA-256 of its canonical form."""
        return sha256(canonical_json(self.to_json()))


def read_config(home: Path) -> Config:
    """Read a deployment's description.

    Raises:
        UsageError: There is no deployment.
        IntegrityError: The file is damaged or of a newer version.
        EnvironmentFailure: It cannot be read.
    """
    path = home / CONFIG_FILE
    try:
        data = read_regular(path, _MAX_CONFIG_BYTES)
        if data is None:
            raise IntegrityError(f"{path}: too large to be a deployment's description; restore it from a backup")
        raw = json.loads(data)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{home}: no deployment here; set one up with 'faceward init' or name it with --home"
        ) from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror}; check its permissions") from None
    except (ValueError, RecursionError):
        raise IntegrityError(f"{path}: not a deployment's description; restore it from a backup") from None
    version = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise IntegrityError(f"{path}: written by a newer version (format {version}, this reads {FORMAT}); upgrade")
    names = Config.__dataclass_fields__
    good = version == FORMAT and set(raw) == {"format", *names}
    if not good or not all(isinstance(raw[name], bool if name == "age" else str) for name in names):
        raise IntegrityError(f"{path}: not a deployment's description; restore it from a backup")
    return Config(**{name: raw[name] for name in names})


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
        operator: Who acts, as claimed.
        pool: Threads for pictures.
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
    _galleries: dict[str, Gallery] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return self.clock.now()

    def pseudonym(self, subject: str) -> bytes:
        """Return the keyed digest under which a subject is stored; without the key it names nobody."""
        return hmac.digest(self.keys.secret("pseudonyms"), b"subject\0" + subject.encode(), "sha256")

    def sample_digest(self, picture: Picture) -> bytes:
        """Return the keyed digest of a picture's pixels, the same whatever its file's metadata say (rule E4)."""
        shape = f"{picture.width}x{picture.height}\0".encode()
        return hmac.digest(
            self.keys.secret("pseudonyms"), b"sample\0" + shape + sha256(picture.pixels.tobytes()), "sha256"
        )

    def authenticated(self, kind: str, name: str, content: bytes) -> bytes:
        """Return a document with its keyed digest before it: who can write to gallery.db cannot make one."""
        return self._tag(kind, name, content) + content

    def authentic(self, kind: str, name: str, document: bytes) -> bytes:
        """Return the content of what `authenticated` made.

        Raises:
            IntegrityError: It was altered, or made for another name.
        """
        tag, content = document[:_TAG_BYTES], document[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(kind, name, content)):
            raise IntegrityError(f"the {kind} {name!r} in gallery.db was altered; restore the file from a backup")
        return content

    def _tag(self, kind: str, name: str, content: bytes) -> bytes:
        place = canonical_json([kind, name])
        return hmac.digest(self.keys.secret("documents"), sha256(place) + sha256(content), "sha256")

    def keep(self, kind: str, name: str, value: JSONValue) -> None:
        """Keep a document, authenticated, in the place of one of that kind and name."""
        self.store.put_document(kind, name, self.authenticated(kind, name, canonical_json(value)))

    def kept(self, kind: str, name: str) -> JSONValue:
        """Return a document, or None where there is none.

        Raises:
            IntegrityError: It was altered.
        """
        try:
            document = self.store.document(kind, name)
        except UsageError:
            return None
        return _parsed(self.authentic(kind, name, document))

    def remember_probe(self, picture: Picture) -> None:
        """Remember a picture as a probe, by its pixels and by its file (rule E4).

        A large picture has other pixels where it is read smaller to bound memory; its file is the same.
        """
        for digest in self._probe_digests(picture):
            self.store.remember_probe(digest, self.now())

    def was_probe(self, picture: Picture) -> bool:
        """Tell whether a picture was a probe before."""
        return any(self.store.is_probe(digest) for digest in self._probe_digests(picture))

    def _probe_digests(self, picture: Picture) -> tuple[bytes, bytes]:
        file = hmac.digest(self.keys.secret("pseudonyms"), b"file\0" + picture.digest, "sha256")
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
        """Return a gallery with its index, which stays in memory until `lock`.

        Raises:
            UsageError: There is none of this name.
        """
        if name not in self._galleries:
            self._galleries[name] = Gallery(name, self.store, self.keys)
        return self._galleries[name]

    def create_gallery(self, name: str, purpose: str) -> Gallery:
        """Create a gallery for a purpose; complete one whose creation was interrupted.

        Of two processes at once the first decides what the gallery is for.
        """
        note = canonical_json({"purpose": purpose, "simulated": 0})
        self.store.add_document("gallery", name, self.authenticated("gallery", name, note))
        try:
            Gallery.create(GalleryInfo(name, "sealed", self.pipeline.identifier, self.now()), self.store, self.keys)
        except UsageError:
            if name not in {info.name for info in self.store.galleries()}:
                raise
        return self.gallery(name)

    def lock(self) -> None:
        """Overwrite every opened reference in memory."""
        for gallery in self._galleries.values():
            gallery.lock()
        self._galleries.clear()

    def close(self) -> None:
        """Lock and close every file."""
        self.lock()
        self.pool.shutdown(cancel_futures=True)
        self.keys.close()
        self.store.close()
        self.log.close()


def _parsed(document: bytes) -> JSONValue:
    try:
        value: JSONValue = json.loads(document)
    except ValueError:
        raise IntegrityError("a stored document is damaged; restore gallery.db from a backup") from None
    return value
