"""A passkey in software: it makes the credential's public key and answers as an authenticator behind a browser does.

Nothing of the package's own code makes what it answers, so that tests compare two readings of the standard.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from faceward.core.errors import SignatureNeeded
from faceward.policy import passkeys
from faceward.policy.sessions import SESSION_NAMESPACE, OpenSession, PreparedSession, Presigned
from faceward.policy.sshsig import PublicKey

PRESENT, VERIFIED, ELIGIBLE, SAVED, ATTESTED, EXTENDED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Assertion:
    """What `navigator.credentials.get` returns of interest."""

    authenticator_data: bytes
    client_data_json: bytes
    signature: bytes


@dataclass
class SoftPasskey:
    """A passkey of one relying party, as a phone or a browser's password manager keeps it.

    Attributes:
        rp_id: The relying party's identifier.
        origin: Where its page is.
        counter: How often it signed, as it tells; passkeys that are synchronised say 0.
    """

    rp_id: str = "faces.example.org"
    origin: str = "https://faces.example.org"
    counter: int = 0
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()), repr=False)

    @property
    def point(self) -> bytes:
        """The public key as an uncompressed point, 65 bytes."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def cose(self) -> bytes:
        """The public key as an authenticator gives it: COSE in canonical CBOR."""
        x, y = self.point[1:33], self.point[33:]
        return bytes([0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]) + x + b"\x22\x58\x20" + y

    @property
    def public(self) -> PublicKey:
        """The public key as the roster knows it."""
        return passkeys.public_key(self.cose, self.rp_id)

    def answer(
        self,
        asked: bytes,
        /,
        *,
        flags: int = PRESENT | VERIFIED | ELIGIBLE | SAVED,
        extensions: bytes = b"",
        **client: Any,
    ) -> Assertion:
        """Answer a browser's question.

        Args:
            asked: The challenge, which is to be signed.
            flags: What the authenticator says that it saw.
            extensions: CBOR that follows in the authenticator data; the caller sets the flag.
            **client: What the browser says otherwise than it is: `type`, `challenge`, `origin`, `crossOrigin`; `raw` is
                the whole of it.
        """
        told = {
            "type": "webauthn.get",
            "challenge": base64.urlsafe_b64encode(asked).rstrip(b"=").decode(),
            "origin": self.origin,
            "crossOrigin": False,
        }
        raw = client.pop("raw", None)
        words = json.dumps({**told, **client}, separators=(",", ":")).encode() if raw is None else raw
        shown = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")
        data = shown + extensions
        return Assertion(data, words, self.key.sign(data + hashlib.sha256(words).digest(), ECDSA(SHA256())))

    def sign(self, namespace: str, message: bytes, **changes: Any) -> str:
        """Sign a message for a namespace as a service's page would have it signed: armoured SSHSIG."""
        made = self.answer(passkeys.challenge(namespace, message), **changes)
        return passkeys.armoured_signature(
            self.public, namespace, made.authenticator_data, made.client_data_json, made.signature
        )

    def presign(self, needed: SignatureNeeded) -> Presigned:
        """Sign what an act asked for."""
        return Presigned(needed.namespace, needed.message, self.sign(needed.namespace, needed.message))

    def open(self, prepared: PreparedSession, **changes: Any) -> OpenSession:
        """Sign in."""
        return prepared.opened(self.sign(SESSION_NAMESPACE, prepared.message(), **changes))
