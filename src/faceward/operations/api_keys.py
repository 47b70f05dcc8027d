"""Keys of programs: made once, sealed where they lie, taken away at once (rule K2).

A key has a public identifier and a secret. The secret signs requests (SigV4), or is itself shown (`x-api-key`); so it
is kept sealed and not hashed. Beside it lies an Ed25519 key by which the custodian knows the program as a person of the
roster. Nothing of a key is remembered between two uses, so that taking it away works at once in every process.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.core.request_results import Asked
from faceward.operations import evidence, programs, signing_in
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.key_results import ALTERED, CreatedKey, KeyRecord, KeyView
from faceward.operations.people import People
from faceward.policy.api_keys import KeyNote, check_key_name, draw_id, draw_name, draw_secret, is_id, is_secret
from faceward.policy.people import Person, Role
from faceward.policy.sessions import LONGEST, OpenSession
from faceward.policy.sshsig import PrivateKey, PublicKey

_KIND, _OF_SECRET = programs.KIND, "api-key-of"
_NONCE_BYTES, _SEED_BYTES = 12, 32
_LONGEST_TERM = timedelta(days=5 * 365)


class ApiKeys:
    """The keys of programs of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def create(
        self,
        name: str | None = None,
        *,
        purposes: Collection[str] = (),
        galleries: Collection[str] = (),
        term: timedelta | None = None,
    ) -> CreatedKey:
        """Make a key.

        Args:
            name: What to call it; drawn if None.
            purposes: The only purposes that it may name; every one, also those to come, if empty.
            galleries: The only galleries that it may name, existing or not; every one if empty.
            term: How long it lasts; without end if None.

        Raises:
            UsageError: There is a key of that name, a purpose is not registered, or the term is out of range.
            PolicyRefusal: Whoever acts may not (K2); the refusal is logged.
        """
        with evidence.changing(self._deployment):
            return self._created(name, frozenset(purposes), frozenset(galleries), term)

    def _created(
        self, name: str | None, purposes: frozenset[str], galleries: frozenset[str], term: timedelta | None
    ) -> CreatedKey:
        deployment, now = self._deployment, self._deployment.now()
        chosen = draw_name() if name is None else check_key_name(name)
        if any(note.name == chosen for note in self._notes()):
            raise UsageError(f"there is a key {chosen!r} already; choose another name, also where that one is revoked")
        if term is not None and not timedelta(0) < term <= _LONGEST_TERM:
            raise UsageError("a key lasts at most five years; give a shorter term")
        named = frozenset(check_name(one, "purpose") for one in purposes)
        for one in sorted(named):
            if deployment.purpose(one) is None:
                raise UsageError(f"no purpose {one!r} is registered; list them with 'purpose list'")
        own, secret = Ed25519PrivateKey.generate(), draw_secret()
        note = KeyNote(
            id=draw_id(),
            name=chosen,
            purposes=named or None,
            galleries=frozenset(check_name(one, "gallery") for one in galleries) or None,
            created=now,
            expires=None if term is None else now + term,
            revoked=None,
            person=PrivateKey(own).public.line,
            sealed="",
            by=deployment.operator if deployment.session is None else deployment.session.person,
        )
        note = replace(note, sealed=self._sealed(note.id, own.private_bytes_raw() + secret.encode()))
        digest = self._digest(secret)
        try:
            with self._desk.operation("key.create", {}, Happening("key.create", _described(note))):
                # The note last: without it nothing is in force.
                deployment.keep(_OF_SECRET, digest, note.id)
                deployment.keep(_KIND, note.id, note.to_json())
        except BaseException:
            # Whoever asked gets no secret, so that nobody may have one.
            deployment.store.delete_document(_KIND, note.id)
            deployment.store.delete_document(_OF_SECRET, digest)
            raise
        return CreatedKey(note, secret)

    def admit(self, name: str, trained: date | None = None) -> Asked:
        """Ask that the roster take a key on, with the role operator; it waits for an approval as a person does.

        Whoever made the key answers for it there, or who asks for this where the roster does not know them.

        Args:
            name: The key's name.
            trained: Day until which the training of whoever answers for the program is valid.

        Raises:
            UsageError: There is no such key in force.
            PolicyRefusal: Nobody signed in who may ask (S2).
            SignatureNeeded: Their key is elsewhere; repeat it with their signature.
        """
        note = self._named(name)
        if not note.in_force(self._deployment.now()):
            raise UsageError(f"the key {name!r} is revoked or has expired; make another")
        people = People(self._deployment, self._desk)
        return people.add(note.roster_name, note.person, (Role.OPERATOR.value,), trained)

    @property
    def must_be_admitted(self) -> bool:
        """Whether a key acts only once the roster knows it: as soon as anybody has to sign in."""
        deployment = self._deployment
        return deployment.standard.parameters.people.sign_in == "always" or len(deployment.custody.status().roster) > 0

    def outside(self) -> tuple[str, ...]:
        """Return the names of keys in force that the roster does not know: none acts once somebody must sign in."""
        now, people = self._deployment.now(), self._deployment.custody.status().roster.people
        return tuple(sorted(note.name for note in self._notes() if note.in_force(now) and not _known(note, people)))

    def listed(self) -> tuple[KeyView, ...]:
        """Return all keys by name, revoked ones too, and those of which what is kept was altered."""
        needed, now = self.must_be_admitted, self._deployment.now()
        roster = self._deployment.custody.status().roster
        views = [
            KeyView(
                note,
                "revoked" if note.revoked else "in force" if note.in_force(now) else "expired",
                _known(note, roster.people) if needed else None,
            )
            for note in self._notes()
        ]
        views += [KeyView(note, ALTERED, False if needed else None) for note in programs.altered(self._deployment)]
        return tuple(sorted(views, key=lambda view: (view.note.name, view.note.id)))

    def revoke(self, name: str) -> KeyView:
        """Take a key away, by its name or its identifier; no process accepts it from now on.

        Raises:
            UsageError: There is no such key, or it is revoked already.
            PolicyRefusal: Whoever acts may not (K2); the refusal is logged.
        """
        deployment = self._deployment
        held, lost = self._notes(), programs.altered(deployment)
        gone = next((one for one in (*held, *lost) if name in (one.name, one.id)), None)
        if gone is None:
            raise _unknown(name)
        if gone in held and gone.revoked is not None:
            raise UsageError(f"the key {gone.name!r} was revoked on {gone.revoked:%Y-%m-%d}")
        with self._desk.operation("key.revoke", {}, Happening("key.revoke", {"key": gone.id, "name": gone.name})):
            taken = replace(gone, revoked=deployment.now(), sealed="")
            if gone in held:
                deployment.keep(_KIND, gone.id, taken.to_json())
            else:
                # Nothing of what it says holds, so that nothing of it is kept.
                deployment.store.delete_document(_KIND, gone.id)
            self._forget_secret(gone.id)
        return KeyView(taken, "revoked", None)

    def _forget_secret(self, access_key_id: str) -> None:
        """Forget where a secret leads, without opening the key: what was altered can be taken away too."""
        store, named = self._deployment.store, canonical_json(access_key_id)
        for digest, document in store.documents(_OF_SECRET).items():
            if document.endswith(named):
                store.delete_document(_OF_SECRET, digest)

    def note_of(self, access_key_id: str) -> KeyNote | None:
        """Return what is kept of a key, in force or not, or None where there is none."""
        value = self._deployment.kept(_KIND, access_key_id) if is_id(access_key_id) else None
        return None if value is None else KeyNote.from_json(value)

    def by_id(self, access_key_id: str) -> KeyRecord | None:
        """Return a key in force with its secrets, or None.

        Raises:
            IntegrityError: What is kept of it was altered.
        """
        note = self.note_of(access_key_id)
        return self._opened(note) if note is not None and note.in_force(self._deployment.now()) else None

    def by_secret(self, secret: str) -> KeyRecord | None:
        """Return the key in force that a secret is of, or None.

        It is looked up by a keyed digest, so that how long that takes tells nothing of other secrets.

        Raises:
            IntegrityError: What is kept of it was altered.
        """
        found = self._deployment.kept(_OF_SECRET, self._digest(secret)) if is_secret(secret) else None
        record = None if found is None else self.by_id(str(found))
        if record is None or not hmac.compare_digest(record.secret, secret):
            return None
        return record

    def session(self, record: KeyRecord) -> OpenSession:
        """Sign in for a key; both the success and a refusal are in the log.

        Returns:
            A session that signs uses and nothing else: what is asked for, decided or stated, a person signs.

        Raises:
            PolicyRefusal: The roster does not know it (K2).
        """
        deployment, now = self._deployment, self._deployment.now()
        name = record.note.roster_name
        if not _known(record.note, deployment.custody.status().roster.people):
            refusal = PolicyRefusal(
                "K2",
                f"the key {record.name!r} is not in the roster, and here nobody acts who is not.",
                "Let an operator ask for it on the console's page Programs (/programs) or with 'faceward keys admit', "
                f"and another person approve it ({name!r}).",
            )
            self._desk.deny(Happening("sign-in", {"person": name, "key": record.id}), refusal)
            raise refusal
        session = OpenSession.begin(name, record.own, deployment.config.origin, now, LONGEST)
        view = deployment.acting(name)
        signing_in.admit(view, self._desk.acting(view), session)
        return session.for_uses()

    def denied(self, reason: str, key: str, attempts: int) -> None:
        """Record that somebody was turned away who showed a key, or none that is known.

        Args:
            reason: Why, in words of ours.
            key: Identifier of a key that exists, or empty.
            attempts: How many there were so far in the minute that runs.
        """
        refusal = PolicyRefusal("K2", f"{reason}.", "Use a key in force, for what it was made for.")
        self._desk.deny(Happening("key.use", {"key": key or None, "attempts": attempts}), refusal)

    def _named(self, name: str) -> KeyNote:
        found = next((note for note in self._notes() if name in (note.name, note.id)), None)
        if found is None:
            raise _unknown(name)
        return found

    def _notes(self) -> list[KeyNote]:
        return programs.notes(self._deployment)

    def _digest(self, secret: str) -> str:
        return hmac.digest(self._derived(b"names"), secret.encode(), "sha256").hex()

    def _derived(self, use: bytes) -> bytes:
        root = self._deployment.lasting_secret("documents")
        return HKDF(hashes.SHA256(), 32, salt=None, info=b"faceward/api-keys/v1/" + use).derive(root)

    def _sealed(self, key_id: str, plain: bytes) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._derived(b"seal")).encrypt(nonce, plain, key_id.encode())
        return base64.b64encode(nonce + sealed).decode("ascii")

    def _opened(self, note: KeyNote) -> KeyRecord:
        try:
            blob = base64.b64decode(note.sealed, validate=True)
            plain = AESGCM(self._derived(b"seal")).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], note.id.encode())
        except (InvalidTag, ValueError):
            raise IntegrityError(f"the key {note.name!r} in gallery.db was altered; revoke it") from None
        own = PrivateKey(Ed25519PrivateKey.from_private_bytes(plain[:_SEED_BYTES]))
        return KeyRecord(note, plain[_SEED_BYTES:].decode("ascii"), own)


def _unknown(name: str) -> UsageError:
    return UsageError(f"there is no key {name!r}; 'faceward keys list' names them")


def _known(note: KeyNote, people: Mapping[str, Person]) -> bool:
    person = people.get(note.roster_name)
    return person is not None and person.key.same_key(PublicKey.parse(note.person))


def _described(note: KeyNote) -> JSONObject:
    described = {name: value for name, value in note.to_json().items() if name not in ("sealed", "revoked")}
    return {"key": note.id, **described}
