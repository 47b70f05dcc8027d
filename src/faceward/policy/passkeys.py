"""Passkeys as people's keys: what a browser hands over, in OpenSSH's form (rules S2 and K2).

A passkey is a key of the curve P-256 (ES256) that signs what a browser asks it to (W3C Web Authentication Level 2).
OpenSSH knows such keys as `sk-ecdsa-sha2-nistp256@openssh.com`, and their signatures through a browser as
`webauthn-sk-ecdsa-sha2-nistp256@openssh.com` (PROTOCOL.u2f), so that roster, custodian and `ssh-keygen -Y verify` need
to know nothing of browsers. It knows none of RSA: whoever makes a passkey asks for ES256 alone.
"""

from __future__ import annotations

import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from faceward.core.errors import BadInput
from faceward.policy.securitykeys import ATTESTED, EXTENDED, SHOWN_BYTES, WEBAUTHN, integer
from faceward.policy.sshsig import PASSKEY, PublicKey, packed, signed_data
from faceward.policy.sshwire import BadSignature, Reader, string, unarmoured
from faceward.policy.strict import Table, parse_json

ALGORITHM = -7
"""ES256 in COSE (RFC 9053 §2.1), the only algorithm to ask for when a passkey is made."""

_HOST = re.compile(r"localhost|(?=.{4,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_POINT = 64
_DIGEST = 32
_PREAMBLE = b"SSHSIG\0\0\0\1"
# The one spelling of such a key (Web Authentication §6.5.1.1, CTAP2 canonical CBOR): kty EC2, alg ES256, crv P-256.
_COSE_HEAD, _COSE_Y, _COSE_BYTES = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820"), 77


def public_key(credential_public_key: bytes, rp_id: str) -> PublicKey:
    """Return a passkey as the roster knows it; its `line` is what `faceward person add --key` takes.

    Args:
        credential_public_key: As the authenticator gave it, a COSE key of 77 bytes; or its coordinates x and y, 64
            bytes, with or without the byte 04 before them.
        rp_id: The relying party's identifier that the passkey was made for, a host's name in lower case.

    Raises:
        BadInput: It is no key of P-256, or the identifier is none.
    """
    if _HOST.fullmatch(rp_id) is None:
        raise BadInput(f"{rp_id[:60]!r} is no host's name that passkeys are for; give one such as faces.example.org")
    raw = credential_public_key
    if len(raw) == _COSE_BYTES:
        x, middle, y = raw[10:42], raw[42:45], raw[45:]
        raw = x + y if raw.startswith(_COSE_HEAD) and middle == _COSE_Y else b""
    point = raw if len(raw) == _POINT + 1 else b"\x04" + raw
    try:
        return PublicKey.from_blob(PublicKey(PASSKEY, point, rp_id).blob)
    except BadSignature:
        raise BadInput("this passkey is no key of P-256 (ES256); make one of that algorithm") from None


def challenge(namespace: str, message: bytes) -> bytes:
    """Return what a browser must be given as challenge so that a passkey signs a message for a namespace."""
    return signed_data(namespace, message)


def armoured_signature(
    key: PublicKey, namespace: str, authenticator_data: bytes, client_data_json: bytes, signature_der: bytes
) -> str:
    """Return a browser's assertion as an armoured SSHSIG, which `sshsig.verify` and `ssh-keygen -Y verify` check.

    Nothing is believed here: whether it is good, and of which message, `verify` says.

    Args:
        key: The passkey.
        namespace: What it was signed for.
        authenticator_data: `authenticatorData` of the assertion, 37 bytes or more (Web Authentication §6.1).
        client_data_json: `clientDataJSON` of the assertion.
        signature_der: `signature` of the assertion, in DER (RFC 3279 §2.2.3).

    Raises:
        BadSignature: It is not the answer of such a key to such a question (S2).
    """
    if key.algorithm != PASSKEY:
        raise BadSignature.because("this person's key is no passkey.", "Sign with the key that is in the roster.")
    digest, shown = authenticator_data[:_DIGEST], authenticator_data[_DIGEST : _DIGEST + SHOWN_BYTES]
    extensions = authenticator_data[_DIGEST + SHOWN_BYTES :]
    if len(shown) < SHOWN_BYTES or shown[0] & ATTESTED or bool(shown[0] & EXTENDED) != bool(extensions):
        raise BadSignature.because("this is not what a passkey answers when it signs.", "Sign anew.")
    if digest != hashlib.sha256(key.application.encode()).digest():
        raise BadSignature.because("the passkey that answered is for another host.", "Sign with the one in the roster.")
    try:
        r, s = map(integer, decode_dss_signature(signature_der))
    except (ValueError, OverflowError):
        raise BadSignature.because("the passkey's signature is damaged.", "Sign anew.") from None
    origin = _origin(client_data_json)
    inner = string(WEBAUTHN) + string(string(r) + string(s)) + shown
    return packed(key, namespace, inner + string(origin) + string(client_data_json) + string(extensions))


def by_browser(signature: str) -> bool:
    """Tell whether an armoured signature says that a passkey made it through a browser's page.

    Raises:
        BadSignature: It is no signature (S2).
    """
    reader = Reader(unarmoured(signature), "the signature")
    reader.take(len(_PREAMBLE))
    # Key, namespace, reserved, hash, and the signature proper, which begins with its kind (PROTOCOL.sshsig).
    *_, inner = (reader.string() for _ in range(5))
    return Reader(inner, "the signature").text() == WEBAUTHN


def _origin(client_data_json: bytes) -> str:
    def fail(problem: str) -> BadSignature:
        return BadSignature.because(f"{problem}.", "Sign anew.")

    where = "what the browser signed"
    origin = Table(parse_json(client_data_json, where, fail), where, fail).text("origin")
    if not origin.isascii():
        raise fail(f"{where}: its origin is none")
    return origin
