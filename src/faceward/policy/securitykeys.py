"""What security keys and passkeys sign, as OpenSSH takes it (PROTOCOL.u2f; W3C Web Authentication Level 2).

A security key never signs a message itself. It signs what it is for, what it saw of its owner, a counter, and a digest:
of the message where `ssh-keygen` asked it, of the browser's own words about the message (`clientDataJSON`) where a page
did. Both count here, and of both it is required that the key knew its owner by a PIN, a finger or a face.
"""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from faceward.policy.sshwire import BadSignature, Reader
from faceward.policy.strict import Table, parse_json

ED25519_SK = "sk-ssh-ed25519@openssh.com"
ECDSA_SK = "sk-ecdsa-sha2-nistp256@openssh.com"
WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
"""A kind of signature, not of key: made by an `ECDSA_SK` key through a browser."""
CURVE = "nistp256"
POINT_BYTES = 65
SHOWN_BYTES = 5
"""Flags, one byte, and counter, four."""

# Authenticator data, Web Authentication §6.1: somebody touched the key; it knew who; it tells of itself; extensions.
PRESENT, VERIFIED, ATTESTED, EXTENDED = 0x01, 0x04, 0x40, 0x80
_UNCOMPRESSED = 4
_LONGEST_INTEGER = 33
_ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[1-9][0-9]{0,4})?")
_LOCAL = "localhost"
_ALTERED = "Get an unaltered copy."


def check_point(key: bytes) -> None:
    """Check that a key is a point of the curve P-256, uncompressed (SEC 1 §2.3.4).

    Raises:
        BadSignature: It is none.
    """
    try:
        if len(key) == POINT_BYTES and key[0] == _UNCOMPRESSED:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key)
            return
    except ValueError:
        pass
    raise BadSignature.because("the public key is no point of the curve P-256.", _ALTERED)


def signed_by_key(kind: str, reader: Reader, application: str, data: bytes) -> bytes:
    """Read what a security key showed beside its signature, check it, and return what the signature must be of.

    Args:
        kind: The signature's kind: `ED25519_SK`, `ECDSA_SK` or `WEBAUTHN`.
        reader: Stands behind the signature proper; read to its end.
        application: What the key is for; for a passkey the relying party's identifier, a host's name.
        data: What the person signs, as PROTOCOL.sshsig has it.

    Raises:
        BadSignature: The key did not make sure of its owner, or a browser was asked something else, or elsewhere.
    """
    shown = reader.take(SHOWN_BYTES)
    if shown[0] & (PRESENT | VERIFIED) != PRESENT | VERIFIED:
        raise BadSignature.because(
            "the security key did not make sure that its owner was there.",
            "Use a key that asks for a PIN, a finger or a face, such as one of 'ssh-keygen -t ed25519-sk "
            "-O verify-required'.",
        )
    extensions, digested = b"", data
    if kind == WEBAUTHN:
        origin, digested, extensions = reader.text(), reader.string(), reader.string()
        if shown[0] & ATTESTED or bool(shown[0] & EXTENDED) != bool(extensions):
            raise BadSignature.because("its flags are not those of what stands beside them.", _ALTERED)
        check_origin(origin, application)
        check_client_data(digested, origin, data)
    return hashlib.sha256(application.encode()).digest() + shown + extensions + hashlib.sha256(digested).digest()


def check_origin(origin: str, application: str) -> None:
    """Check that a page is the one that keys of an application are for: of that very host, over HTTPS.

    Web Authentication §5.1.4.1, step 8, lets pages of every sub-domain ask; here they may not, since others may have
    them. Of ports nothing is said here: a service compares the whole origin with its own.

    Args:
        origin: The page's origin: scheme, host and port.
        application: The relying party's identifier.

    Raises:
        BadSignature: It is of another host, or was not reached over HTTPS; `http://localhost` is let pass.
    """
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        raise BadSignature.because(f"{origin[:60]!r} is no origin of a page.", _ALTERED)
    scheme, host = found[1], found[2]
    if host != application or (scheme != "https" and host != _LOCAL):
        raise BadSignature.because(
            f"it was signed at {origin[:60]!r}, and the passkey is for {application[:60]!r}.",
            "Sign at the service that the passkey was made for, over https.",
        )


def check_client_data(client: bytes, origin: str, data: bytes) -> None:
    """Check what a browser says it was asked (Web Authentication §5.8.1): a signature, of this, here.

    It must begin as §5.8.1.1 spells it, since OpenSSH compares that byte by byte and others check with OpenSSH.

    Args:
        client: `clientDataJSON`.
        origin: The page's origin.
        data: What the person signs; the challenge must be it, in Base 64 for URLs without padding.

    Raises:
        BadSignature: It says something else, or is not spelt so.
    """

    def fail(problem: str) -> BadSignature:
        return BadSignature.because(f"{problem}.", "Sign anew.")

    where = "what the browser signed"
    table = Table(parse_json(client, where, fail), where, fail)
    asked = base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
    if table.text("type") != "webauthn.get":
        raise fail("the passkey was asked for something else than a signature")
    if table.text("challenge") != asked:
        raise fail("what was signed is not what stands here")
    if table.text("origin") != origin:
        raise fail("it was signed at another place than it says")
    if (table.has("crossOrigin") and table.flag("crossOrigin")) or table.has("topOrigin"):
        raise fail("it was signed in a page inside another's page")
    begin = f'{{"type":"webauthn.get","challenge":"{asked}","origin":"{origin}"'
    if not client.startswith(begin.encode("ascii")):
        raise fail("what the browser signed is not spelt as OpenSSH reads it")


def check_ecdsa(key: bytes, signature: bytes, data: bytes) -> None:
    """Check an ECDSA signature with SHA-256.

    Args:
        key: The point, 65 bytes.
        signature: Two `mpint`, r and s (PROTOCOL.u2f).
        data: What must have been signed.

    Raises:
        BadSignature: It is damaged.
        InvalidSignature: It is of something else.
    """
    reader = Reader(signature, "the signature")
    r, s = _integer(reader.string()), _integer(reader.string())
    reader.end()
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key)
    public.verify(encode_dss_signature(r, s), data, ECDSA(SHA256()))


def integer(value: int) -> bytes:
    """Return the bytes of a positive `mpint` (RFC 4251 §5), without its length."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _integer(data: bytes) -> int:
    value = int.from_bytes(data, "big")
    if len(data) > _LONGEST_INTEGER or value == 0 or integer(value) != data:
        raise BadSignature.because("the signature holds something else than two whole numbers.", _ALTERED)
    return value
