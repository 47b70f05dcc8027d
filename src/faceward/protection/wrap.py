"""Keys sealed under other keys: AES-256-GCM with the key's use and identifiers as associated data."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class WrappingContext:
    """What a wrapped key is for; it unwraps under the same context only.

    Attributes:
        use: `gallery-key`, `subject-key`, `secret` or `check`.
        scope: The gallery, or the name of the secret.
    """

    use: str
    scope: str

    def associated_data(self) -> bytes:
        """Return the canonical bytes of the context (RFC 8785)."""
        return _associated_data(self.use, self.scope)


@lru_cache(maxsize=1024)
def _associated_data(use: str, scope: str) -> bytes:
    return canonical_json({"format": "faceward-wrap", "scope": scope, "use": use, "version": 1})


class Wrapper:
    """Wraps and unwraps under one key and context; identifiers vary from call to call.

    Args:
        key: 32-byte AES key.
        context: What the wrapped keys are for.
    """

    __slots__ = ("_aead", "_prefix", "_scope")

    def __init__(self, key: bytes, context: WrappingContext) -> None:
        self._aead = AESGCM(key)
        self._scope = context.scope
        # The JSON object closes itself, so whatever follows cannot be confused with it.
        self._prefix = context.associated_data()

    def wrap(self, secret: bytes, identifier: str = "") -> bytes:
        """Return nonce, ciphertext and tag.

        Nonces are random: 2^32 wraps under one key stay safe (NIST SP 800-38D, section 8.3).
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, self._prefix + identifier.encode())

    def unwrap(self, wrapped: bytes, identifier: str = "") -> bytes:
        """Return the secret.

        Raises:
            IntegrityError: The bytes do not belong to this key, context and identifier, or were altered.
        """
        try:
            return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], self._prefix + identifier.encode())
        except (InvalidTag, ValueError):
            # ValueError: too short to hold a nonce.
            raise IntegrityError(
                f"the key {identifier or self._scope!r} does not authenticate; restore its key store"
            ) from None

    def opens(self, wrapped: bytes) -> bool:
        """Say whether the bytes were wrapped under this key and context."""
        try:
            self.unwrap(wrapped)
        except IntegrityError:
            return False
        return True
