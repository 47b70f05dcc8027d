"""Signatures of people in OpenSSH's form (PROTOCOL.sshsig), which anybody checks with `ssh-keygen -Y verify`.

People sign with keys that they have: Ed25519 keys; FIDO2 security keys of that curve or of P-256 (PROTOCOL.u2f); and
passkeys, which are keys of P-256 that a browser asks to sign.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from faceward.core.errors import BadInput
from faceward.policy.securitykeys import CURVE, ECDSA_SK, ED25519_SK, WEBAUTHN, check_ecdsa, check_point, signed_by_key
from faceward.policy.sshkeys import read_key, write_key
from faceward.policy.sshwire import BadSignature, Reader, armoured, decode_base64, string, unarmoured

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ED25519",
    "PASSKEY",
    "SECURITY_KEY",
    "BadSignature",
    "MessageSigner",
    "PrivateKey",
    "PublicKey",
    "packed",
    "signed_data",
    "signer_of",
    "verify",
]

ED25519 = "ssh-ed25519"
SECURITY_KEY = ED25519_SK
PASSKEY = ECDSA_SK
"""Also a security key of P-256 that `ssh-keygen` uses; a key made in a browser is for a host instead of `ssh:`."""
_MAGIC = b"SSHSIG"
_VERSION = 1
_KEY_BYTES = 32
_MAX_LINE = 1024
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_HASH = "sha512"
# Points of small order, without the sign bit: under such a "key" anybody makes signatures (RFC 8032 §5.1.7 allows it).
_WEAK = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
# By kind of key, the kinds of signatures that it makes.
_KINDS = {ED25519: (ED25519,), SECURITY_KEY: (SECURITY_KEY,), PASSKEY: (PASSKEY, WEBAUTHN)}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a person's key.

    Attributes:
        algorithm: `ssh-ed25519`, `sk-ssh-ed25519@openssh.com` or `sk-ecdsa-sha2-nistp256@openssh.com`.
        key: 32 bytes (RFC 8032 §5.1.5); for P-256 the 65 of an uncompressed point (SEC 1 §2.3.3).
        application: For a security key, what it is for: `ssh:` as a rule, and for a passkey the relying party's
            identifier, a host's name; empty otherwise.
    """

    algorithm: str
    key: bytes
    application: str = ""

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read the line of a `.pub` file: algorithm, key, and a comment that is passed over.

        Raises:
            BadInput: It is no such line, or the key is of another kind.
        """
        lines = text.strip().splitlines() if len(text) <= _MAX_LINE else []
        words = lines[0].split() if len(lines) == 1 else []
        if len(words) < 2:
            raise BadInput("this is no public key; give the one line of a file that ends in .pub")
        if words[0] not in _KINDS:
            raise BadInput(
                f"a public key of the kind {words[0][:60]!r} is not read here; make one with 'faceward person key', "
                "or with 'ssh-keygen -t ed25519', '-t ed25519-sk' or '-t ecdsa-sk'"
            )
        try:
            key = cls.from_blob(decode_base64(words[1], "the public key"))
        except BadSignature as error:
            raise BadInput(f"{error.reason.rstrip('.')}; copy the whole line again") from None
        if key.key[:-1] + bytes([key.key[-1] & 0x7F]) in _WEAK:
            raise BadInput("under this public key anybody could sign, so it is nobody's; make one with 'ssh-keygen'")
        if key.algorithm != words[0]:
            raise BadInput("the public key is of another kind than its line says; copy the whole line again")
        return key

    @classmethod
    def from_blob(cls, blob: bytes) -> PublicKey:
        """Read a key as it stands in a signature.

        Raises:
            BadSignature: It is damaged, or of another kind.
        """
        reader = Reader(blob, "the public key")
        algorithm = reader.text()
        if algorithm not in _KINDS:
            raise BadSignature.because(
                f"a key of the kind {algorithm[:60]!r} is not read here.", "Sign with the key that is in the roster."
            )
        if algorithm == PASSKEY and reader.text() != CURVE:
            raise BadSignature.because("the public key is of another curve than P-256.", "Get an unaltered copy.")
        key = reader.string()
        application = "" if algorithm == ED25519 else reader.text()
        reader.end()
        if algorithm == PASSKEY:
            check_point(key)
        elif len(key) != _KEY_BYTES:
            raise BadSignature.because("the public key has another length than 32 bytes.", "Get an unaltered copy.")
        return cls(algorithm, key, application)

    @property
    def blob(self) -> bytes:
        """The key as RFC 8709 §4 and PROTOCOL.u2f write it."""
        curve = string(CURVE) if self.algorithm == PASSKEY else b""
        application = b"" if self.algorithm == ED25519 else string(self.application)
        return string(self.algorithm) + curve + string(self.key) + application

    @property
    def line(self) -> str:
        """The key as one line, without a comment."""
        return f"{self.algorithm} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """What `ssh-keygen -l` shows: `SHA256:` and the digest in Base 64 without padding."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii").rstrip("=")

    def same_key(self, other: PublicKey) -> bool:
        """Tell whether both are made of one key, whatever it is said to be for."""
        return self.key == other.key


def signed_data(namespace: str, message: bytes, algorithm: str = _HASH) -> bytes:
    """Return what an SSHSIG signature is made over (PROTOCOL.sshsig, "Signed Data")."""
    digest = _HASHES[algorithm](message).digest()
    return _MAGIC + string(namespace) + string("") + string(algorithm) + string(digest)


def packed(key: PublicKey, namespace: str, inner: bytes) -> str:
    """Return a signature with what belongs to it, armoured (PROTOCOL.sshsig, "Blob format").

    Args:
        key: Whose it is.
        namespace: What it is for.
        inner: Its kind, the signature proper, and what a security key showed beside it.
    """
    head = _MAGIC + _VERSION.to_bytes(4, "big") + string(key.blob)
    return armoured(head + string(namespace) + string("") + string(_HASH) + string(inner))


def verify(key: PublicKey, namespace: str, message: bytes, signature: str) -> None:
    """Check that a key signed a message for a namespace.

    Args:
        key: Whose signature it must be.
        namespace: What the signature is for; one made for something else does not count.
        message: The bytes.
        signature: Armoured SSHSIG.

    Raises:
        BadSignature: It is another's, for something else, of another message, damaged, of another kind, or was made
            by a security key that did not see to it that its owner was there, or at another host's page (rule S2).
    """
    _good(key, namespace, message, signature)


def signer_of(signature: str) -> PublicKey:
    """Return the key that a signature says it was made with; `verify` says whether it was.

    Raises:
        BadSignature: It is no signature, or of another kind.
    """
    return _opened(signature)[0]


def _opened(signature: str) -> tuple[PublicKey, Reader]:
    reader = Reader(unarmoured(signature), "the signature")
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise BadSignature.because("this is no SSH signature of version 1.", "Sign with 'ssh-keygen -Y sign'.")
    return PublicKey.from_blob(reader.string()), reader


@lru_cache(maxsize=1024)
def _good(key: PublicKey, namespace: str, message: bytes, signature: str) -> None:
    """Check a signature; what was found good once is good, so that it is not computed again at each use."""
    signer, reader = _opened(signature)
    named = reader.text()
    reader.string()  # reserved
    algorithm = reader.text()
    inner = reader.string()
    reader.end()
    if signer != key:
        raise BadSignature.because(
            f"it was signed with another key ({signer.fingerprint}).", f"Sign with the key {key.fingerprint}."
        )
    if named != namespace:
        raise BadSignature.because(f"it was signed for {named[:60]!r}.", f"Sign for the namespace {namespace!r}.")
    if algorithm not in _HASHES:
        raise BadSignature.because(f"its hash {algorithm[:60]!r} is not read here.", "Sign with sha512.")
    _check(key, signed_data(namespace, message, algorithm), inner)


def _check(key: PublicKey, data: bytes, signature: bytes) -> None:
    reader = Reader(signature, "the signature")
    kind = reader.text()
    if kind not in _KINDS[key.algorithm]:
        raise BadSignature.because("its kind is not that of its key.", "Get an unaltered copy.")
    raw = reader.string()
    if key.algorithm != ED25519:
        data = signed_by_key(kind, reader, key.application, data)
    reader.end()
    try:
        if key.algorithm == PASSKEY:
            check_ecdsa(key.key, raw, data)
        else:
            Ed25519PublicKey.from_public_bytes(key.key).verify(raw, data)
    except (InvalidSignature, ValueError):
        raise BadSignature.because("what was signed is not what stands here.", "Sign what is asked for now.") from None


class MessageSigner(Protocol):
    """What signs in a person's name: their key, or a session that holds it."""

    def sign(self, namespace: str, message: bytes) -> str:
        """Sign a message for a namespace; armoured SSHSIG."""
        ...


class PrivateKey:
    """The private half of a person's Ed25519 key.

    Args:
        key: The key.
    """

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(ED25519, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> PrivateKey:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path, passphrase: str | None) -> PrivateKey:
        """Read an OpenSSH key file.

        Raises:
            UsageError: It needs a passphrase and none was given.
            WrongSecret: The passphrase does not open it.
            BadInput: It is no such file, or a key of another kind.
        """
        return cls(read_key(path, passphrase))

    def write(self, path: Path, passphrase: str | None) -> None:
        """Write it as an OpenSSH key file of mode 0600 that did not exist.

        Raises:
            UsageError: There is something in its place.
            EnvironmentFailure: It cannot be written.
        """
        write_key(self._key, path, passphrase)

    def sign(self, namespace: str, message: bytes) -> str:
        """Sign a message for a namespace, as `ssh-keygen -Y sign` would; armoured."""
        inner = string(ED25519) + string(self._key.sign(signed_data(namespace, message)))
        return packed(self.public, namespace, inner)

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.fingerprint})"
