"""Passkeys at the door: making one, and having it sign (W3C Web Authentication Level 2; rule K2).

What a passkey signs is never only a challenge. It is what OpenSSH would sign, for a namespace (`policy.passkeys`): the
session that somebody opens, the request that they make, the decision that they take.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import webauthn
from webauthn.helpers import bytes_to_base64url, options_to_json_dict, parse_authentication_credential_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from faceward.core.canonical import JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput
from faceward.policy import passkeys
from faceward.policy.sessions import Presigned
from faceward.policy.sshsig import PASSKEY, PublicKey
from faceward.policy.sshwire import BadSignature

if TYPE_CHECKING:
    from faceward.policy.people import Person
    from faceward.service.state import Service

TERM = timedelta(minutes=5)
"""How long a browser may take to make a passkey, or to sign in with one."""

_TIMEOUT_MS = int(TERM.total_seconds() * 1000)
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_RECORD, _OF = "passkey", "passkey-of"
_CREDENTIAL_BYTES, _LONGEST_ID = 32, 1400
# kty EC2, alg ES256, crv P-256, as `policy.passkeys` reads it (Web Authentication §6.5.1.1).
_COSE_HEAD, _COSE_Y = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
_PROBLEMS = (WebAuthnException, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey that was just made.

    Attributes:
        credential: What names it to its authenticator, Base 64 for URLs.
        key: It, as the roster will know it.
        count: How often it signed, as it says.
        transports: How the browser reaches it.
    """

    credential: str
    key: PublicKey
    count: int
    transports: tuple[str, ...]


def creation_options(
    service: Service, person: str, keys: Iterable[PublicKey] = ()
) -> tuple[dict[str, JSONValue], bytes]:
    """Return what a browser is asked to make a passkey with, and the challenge in it.

    ES256 alone, which OpenSSH can check; found without a name being typed, where the authenticator can; and only where
    it knows its owner by a PIN, a finger or a face. No attestation: which brand it is, is nobody's business here.
    """
    challenge = secrets.token_bytes(32)
    options = webauthn.generate_registration_options(
        rp_id=service.settings.site,
        rp_name="Faceward",
        user_name=person,
        user_id=service.system.accounts.handle(person),
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_descriptor(one) for one in credentials_of(service, keys)],
        supported_pub_key_algs=[COSEAlgorithmIdentifier(passkeys.ALGORITHM)],
    )
    return options_to_json_dict(options), challenge


def made(service: Service, credential: dict[str, object], challenge: bytes) -> Made:
    """Check what a browser says of the passkey that it made.

    Args:
        service: The service.
        credential: `PublicKeyCredential.toJSON()`.
        challenge: What was asked.

    Raises:
        BadInput: It is not the answer to that, for this service, with its owner known to it.
    """
    try:
        found = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=service.settings.site,
            expected_origin=service.settings.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(passkeys.ALGORITHM)],
        )
    except _PROBLEMS as error:
        raise BadInput(f"the browser's new passkey cannot be used ({_words(error)}); make it again") from None
    response = credential.get("response")
    named = response.get("transports") if isinstance(response, dict) else None
    transports = tuple(str(one)[:16] for one in named[:8]) if isinstance(named, list) else ()
    key = passkeys.public_key(found.credential_public_key, service.settings.site)
    known = service.vault.get(_RECORD, bytes_to_base64url(found.credential_id))
    if isinstance(known, dict) and known["key"] != key.line:
        raise BadInput("another passkey is known here by the name of this one; make it anew")
    return Made(bytes_to_base64url(found.credential_id), key, found.sign_count, transports)


def keep(service: Service, person: str, passkey: Made) -> None:
    """Remember which credential a passkey is, and how often it signed.

    The roster alone says whose key counts. Where this is lost, passkeys that can be found without it still sign in.
    A name that is another key's stays with that key.
    """
    known = service.vault.get(_RECORD, passkey.credential)
    if isinstance(known, dict) and known["key"] != passkey.key.line:
        return
    value: JSONValue = {
        "person": person,
        "credential": passkey.credential,
        "key": passkey.key.line,
        "count": passkey.count,
        "transports": list(passkey.transports),
        "made": to_rfc3339(service.now()),
    }
    service.vault.put(_RECORD, passkey.credential, value, _FOREVER)
    service.vault.put(_OF, passkey.key.line, passkey.credential, _FOREVER)


def request_options(service: Service, challenge: bytes, credentials: Sequence[str]) -> dict[str, JSONValue]:
    """Return what a browser is asked to sign with.

    Args:
        service: The service.
        challenge: What is to be signed.
        credentials: What names the passkeys that may; with none, the authenticator offers what it has for this site.
    """
    options = webauthn.generate_authentication_options(
        rp_id=service.settings.site,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[_descriptor(one) for one in credentials],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def credentials_of(service: Service, keys: Iterable[PublicKey]) -> list[str]:
    """Return what names the passkeys among a person's keys, as far as that is not lost."""
    found = (service.vault.get(_OF, key.line) for key in keys if key.algorithm == PASSKEY)
    return [one for one in found if isinstance(one, str)]


def nobodys_credential(service: Service, name: str) -> str:
    """Return a credential that nobody has, the same for a name each time: asking must not tell who is registered."""
    seed = service.system.accounts.handle(f"nobody\0{name}")
    return bytes_to_base64url(hashlib.sha256(seed).digest()[:_CREDENTIAL_BYTES])


def who(service: Service, credential: dict[str, object], people: Mapping[str, Person]) -> Person:
    """Return whose passkey answered: by the handle that it was made with, else by its credential.

    Args:
        service: The service.
        credential: `PublicKeyCredential.toJSON()`.
        people: The roster, by name.

    Raises:
        BadSignature: Nobody's here.
    """
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    for name, person in people.items():
        if handle == bytes_to_base64url(service.system.accounts.handle(name)):
            return person
    record = service.vault.get(_RECORD, _id(credential))
    if isinstance(record, dict) and str(record["person"]) in people:
        return people[str(record["person"])]
    raise BadSignature.because("nobody here has this passkey.", "Have it added, or use another.")


def signed(
    service: Service, credential: dict[str, object], person: Person, namespace: str, message: bytes
) -> Presigned:
    """Check a passkey's answer, and return it as a signature that everybody can check.

    Args:
        service: The service.
        credential: `PublicKeyCredential.toJSON()`.
        person: Whose it must be, with the keys that the roster has.
        namespace: What was to be signed for.
        message: What was to be signed.

    Raises:
        BadSignature: It is another key's, of something else, from elsewhere, without knowing its owner; or the passkey
            counts backwards, as one of two copies does.
    """
    key = checked(service, credential, person, passkeys.challenge(namespace, message))
    answer = parse_authentication_credential_json(dict(credential)).response
    armoured = passkeys.armoured_signature(
        key, namespace, answer.authenticator_data, answer.client_data_json, answer.signature
    )
    return Presigned(namespace, message, armoured)


def not_by_browser(signature: str) -> None:
    """Check that what is shown as a signature of `ssh-keygen` was not made by a passkey at some page.

    Such a signature does not show whether the page was this service's: only an answer that `signed` checks does, by its
    origin and by how often the passkey signed.

    Raises:
        BadSignature: A passkey made it at a page, or it is no signature (S2).
    """
    if passkeys.by_browser(signature):
        raise BadSignature.because(
            "a passkey signed this at a page, which does not show at whose.", "Sign with the passkey at this service."
        )


def checked(service: Service, credential: dict[str, object], person: Person, challenge: bytes) -> PublicKey:
    """Check a passkey's answer to a challenge, remember how often it signed, and return which key it was.

    Raises:
        BadSignature: See `signed`.
    """
    problem = "no key of this person is a passkey, or not one that this service knows by that name"
    for key in (one for one in person.keys if one.algorithm == PASSKEY):
        record = _record(service, key)
        other = service.vault.get(_RECORD, _id(credential))
        # One name, one key: an invented name must neither hide how often a key signed nor take the real one's place.
        if (record or {}).get("credential", _id(credential)) != _id(credential) or other != record:
            continue
        try:
            found = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=service.settings.site,
                expected_origin=service.settings.origin,
                credential_public_key=_COSE_HEAD + key.key[1:33] + _COSE_Y + key.key[33:],
                credential_current_sign_count=0 if record is None else int(str(record["count"])),
                require_user_verification=True,
            )
        except _PROBLEMS as error:
            problem = _words(error)
            continue
        if record is None:
            keep(service, person.name, Made(_id(credential), key, found.new_sign_count, ()))
        else:
            service.vault.put(_RECORD, _id(credential), {**record, "count": found.new_sign_count}, _FOREVER)
        return key
    raise BadSignature.because(
        f"the passkey's answer does not hold ({problem}).", "Try again; a passkey that was copied is refused."
    )


def _record(service: Service, key: PublicKey) -> dict[str, JSONValue] | None:
    """Return what is remembered of a passkey, by its public key; None where it is lost."""
    named = service.vault.get(_OF, key.line)
    kept = service.vault.get(_RECORD, named) if isinstance(named, str) else None
    return kept if isinstance(kept, dict) and kept["key"] == key.line else None


def _id(credential: dict[str, object]) -> str:
    return str(credential.get("id"))[:_LONGEST_ID]


def _descriptor(credential: str) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(credential))


def _words(error: Exception) -> str:
    # The library's words may repeat what the browser sent.
    return "".join(character if character.isprintable() else "?" for character in str(error))[:120]
