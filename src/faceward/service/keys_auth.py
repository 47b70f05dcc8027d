"""Programs at the door: which key was shown, whether it is in force, and as whom it acts.

Everything is read anew for each request, so that a key that is taken away is refused at once in every process.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from faceward.core.errors import IntegrityError
from faceward.operations.key_results import KeyRecord
from faceward.policy.api_keys import KeyNote
from faceward.policy.sessions import OpenSession
from faceward.service import sigv4
from faceward.service.callers import Caller, Kind
from faceward.service.errors import Forbidden, Unauthenticated
from faceward.service.sigv4 import SignatureError

if TYPE_CHECKING:
    from faceward.service.state import Service

_SESSION, _DENIED = "key-session", "key-denied"
_WINDOW = timedelta(minutes=1)
# A session is begun anew well before it ends, so that none ends in the middle of an operation.
_SPARE = timedelta(hours=1)
_ROLES = frozenset({"operator"})


def by_secret(service: Service, secret: str) -> Caller:
    """Return who shows a key's secret itself (`x-api-key`, or as a Bearer token).

    Raises:
        Unauthenticated: It is no key's, or of one that is revoked or has expired; that is in the log.
        PolicyRefusal: The roster does not know the key, where it must (K2).
    """
    record = service.system.api_keys.by_secret(secret)
    if record is None:
        note_denied(service, "no key in force has the secret that was shown")
        raise Unauthenticated("this is no key in force; make one with 'faceward keys create'")
    return caller(service, record)


def expected(service: Service, head: sigv4.Received, name: str) -> str:
    """Check all that a request's head says of its signature, so that of nobody who has no key a body is read.

    Args:
        service: The service.
        head: The request without its body.
        name: The service's name in the signature's scope.

    Returns:
        Identifier of the key, which has yet to be proven.

    Raises:
        SignatureError: See `by_signature`.
    """
    return _claimed(service, head, name)[0].key


def by_signature(service: Service, received: sigv4.Received, name: str) -> tuple[Caller, sigv4.Claimed]:
    """Return who signed a request (SigV4), and what the signature says.

    Args:
        service: The service.
        received: The request.
        name: The service's name in the signature's scope.

    Raises:
        SignatureError: It is not signed by a key in force, or was altered since; that is in the log.
        PolicyRefusal: The roster does not know the key, where it must (K2).
    """
    claim, record = _claimed(service, received, name)
    try:
        sigv4.verify(received, claim, record.secret)
    except SignatureError:
        note_denied(service, "a signature is not the key's", record.note)
        raise
    return caller(service, record), claim


def _claimed(service: Service, received: sigv4.Received, name: str) -> tuple[sigv4.Claimed, KeyRecord]:
    try:
        claim = sigv4.claimed(received, name, service.now())
    except SignatureError as error:
        note_denied(service, f"a request was not signed properly ({error.code})")
        raise
    keys = service.system.api_keys
    record = keys.by_id(claim.key)
    if record is None:
        raise _unusable(service, keys.note_of(claim.key))
    return claim, record


def caller(service: Service, record: KeyRecord) -> Caller:
    """Return who acts with a key.

    Raises:
        PolicyRefusal: The roster does not know it, where it must (K2).
    """
    return Caller(
        Kind.KEY, record.note.roster_name, _ROLES, record.purposes, record.galleries, _session(service, record)
    )


def forbid(service: Service, who: Caller, error: Forbidden) -> Forbidden:
    """Record that a key was used for what it is not made for, and return the error."""
    named = who.name.removeprefix("key ")
    note = next((view.note for view in service.system.api_keys.listed() if view.note.name == named), None)
    note_denied(service, "a key was used for a purpose, gallery or act that is not its own", note)
    return error


def note_denied(service: Service, reason: str, note: KeyNote | None = None) -> None:
    """Record that somebody was turned away: the 1st, 10th, 100th… time in a minute, so that nobody fills the log."""
    key = "" if note is None else note.id
    count = service.vault.increment(_DENIED, f"{key}/{reason}", _WINDOW)
    if count == 10 ** (len(str(count)) - 1):
        service.system.api_keys.denied(reason, key, count)


def _unusable(service: Service, note: KeyNote | None) -> SignatureError:
    if note is None:
        note_denied(service, "a request names a key that does not exist")
    else:
        note_denied(service, "a request names a key that is revoked or has expired", note)
    if note is not None and note.revoked is None:
        return SignatureError("ExpiredTokenException", "The security token included in the request is expired")
    return SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")


def _session(service: Service, record: KeyRecord) -> OpenSession | None:
    keys = service.system.api_keys
    with suppress(IntegrityError):
        # What cannot be read is begun anew; other processes find what this one began.
        kept = service.vault.get(_SESSION, record.id)
        if isinstance(kept, str):
            return OpenSession.from_secret(kept.encode())
    if not keys.must_be_admitted:
        return None
    session = keys.session(record)
    ends = session.signed.session.expires - _SPARE
    service.vault.put(_SESSION, record.id, session.to_secret().decode(), ends)
    return session
