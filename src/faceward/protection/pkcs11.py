"""The master key sealed by a hardware security module or smart card (PKCS #11, OASIS v2.40).

The module encrypts the 32 bytes with an AES-256 key that is made in it and never leaves it; what lies on the disk
opens with that module and its PIN alone. AES-GCM and not a key-wrapping mechanism: `CKM_AES_KEY_WRAP_PAD` means
different things in different modules (PKCS #11 v3.1 deprecates it for that), and most of them refuse to wrap a key
that came from outside.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faceward.core.canonical import JSONObject, canonical_json
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, UsageError, WrongSecret
from faceward.protection.document import Document, write_document
from faceward.protection.holder import MASTER_KEY_BYTES, require_master, staged_path

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

FORMAT = "faceward-master-key-pkcs11"
DEFAULT_KEY = "faceward-custodian"
_WHAT = "the master key"
_FIELDS = frozenset({"token", "key", "id", "mechanism", "nonce", "ciphertext"})
_MECHANISM = "AES-GCM"
_NONCE_BYTES = 12
_TAG_BITS = 128
_ID_BYTES = 16
_SEALED_BYTES = MASTER_KEY_BYTES + _TAG_BITS // 8
_KEY_BITS = 256
_MAX_LABEL = 32  # a token's label has 32 bytes in CK_TOKEN_INFO


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Which key of which token seals the master key.

    Attributes:
        token: The token's label.
        label: The key's label; made if the token has no such key.
    """

    token: str
    label: str = DEFAULT_KEY


@dataclass(frozen=True, slots=True)
class Pkcs11File:
    """A holder whose secret is a key in a token, and the token's PIN.

    Attributes:
        path: The sealed master key. It names token and key, never the module's library, which runs as code.
        module: The library that the token's maker gives, like `libsofthsm2.so`.
        pin: The user's PIN of the token.
        target: Key to seal with; that of the file if None.
    """

    path: Path
    module: Path
    pin: str = field(repr=False)
    target: TokenKey | None = None

    def open(self) -> bytes:
        """Return the 32-byte master key; see `MasterKeyHolder.open`.

        Raises:
            EnvironmentFailure: The module, the token or its key is not there, or fails.
        """
        sealed = _Sealed.read(self.path)
        api = _api()
        with self._session(api, sealed.token, writing=False) as session:
            key = _find(api, session, sealed.key, bytes.fromhex(sealed.identifier))
            if key is None:
                raise EnvironmentFailure(
                    f"the token {sealed.token!r} has no key {sealed.key!r} with the identifier {sealed.identifier}; "
                    f"give the token that {self.path} was sealed with"
                )
            try:
                master = bytes(key.decrypt(sealed.ciphertext, **_gcm(api, sealed.nonce, sealed.associated())))
            except api.PKCS11Error:
                # Modules differ in the code they return for a tag that does not fit.
                raise WrongSecret(
                    f"the key {sealed.key!r} of the token {sealed.token!r} does not open {self.path}; "
                    f"give the token that it was sealed with"
                ) from None
        if len(master) != MASTER_KEY_BYTES:
            raise IntegrityError(f"{self.path} does not hold a master key; restore it from its backup")
        return master

    def seal(self, master: bytes, *, replace: bool = True) -> None:
        """Have the token encrypt the master key, and write it; see `MasterKeyHolder.seal`.

        Raises:
            UsageError: The token's key could be read out, or cannot encrypt.
            EnvironmentFailure: The module or token is not there, or fails.
        """
        require_master(master)
        target = self._target()
        if not replace and self.path.exists():
            raise UsageError(f"{_WHAT} {self.path} already exists; choose another place or remove it")
        api = _api()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        with self._session(api, target.token, writing=True) as session:
            key = _find(api, session, target.label) or _make(api, session, target.label)
            _require_captive(api, key, target)
            draft = _Sealed(target.token, target.label, bytes(key[api.Attribute.ID]).hex(), nonce, b"")
            parameters = _gcm(api, nonce, draft.associated())
            ciphertext = bytes(key.encrypt(master, **parameters))
            # A module that replaces the nonce by one of its own would leave a file that nothing opens.
            if len(ciphertext) != _SEALED_BYTES or bytes(key.decrypt(ciphertext, **parameters)) != master:
                raise EnvironmentFailure(f"the token {target.token!r} does not open what it sealed; use another module")
        fields = {**draft.header(), "ciphertext": base64.b64encode(ciphertext).decode()}
        write_document(self.path, FORMAT, fields, _WHAT, replace=replace)

    def staged(self) -> Pkcs11File:
        """Return the holder of the next master key; see `MasterKeyHolder.staged`."""
        target = self.target
        if target is None and self.path.exists():
            target = self._target()
        return Pkcs11File(staged_path(self.path), self.module, self.pin, target)

    def _target(self) -> TokenKey:
        if self.target is None:
            sealed = _Sealed.read(self.path)
            return TokenKey(sealed.token, sealed.key)
        for what, text in (("token", self.target.token), ("key", self.target.label)):
            if not text or not text.isprintable() or len(text.encode()) > _MAX_LABEL:
                raise UsageError(f"{text!r} is no label of a {what}; give 1 to {_MAX_LABEL} bytes of text")
        return self.target

    @contextmanager
    def _session(self, api: ModuleType, label: str, *, writing: bool) -> Iterator[Any]:
        """Log in; whatever the module reports in between becomes one error that says what to do.

        Raises:
            WrongSecret: The PIN is wrong, locked or expired.
            EnvironmentFailure: The module or token is not there, or fails.
        """
        try:
            library = api.lib(str(self.module))
            # A token put in, taken out or exchanged since the library was loaded shows only now.
            library.reinitialize()
            with library.get_token(token_label=label).open(rw=writing, user_pin=self.pin) as session:
                yield session
        except api.PKCS11Error as error:
            raise self._translated(api, error, label) from None

    def _translated(self, api: ModuleType, error: Exception, label: str) -> FacewardError:
        if isinstance(error, (api.PinIncorrect, api.PinInvalid, api.PinLenRange)):
            return WrongSecret(f"the PIN does not open the token {label!r}; a token locks after a few wrong ones")
        if isinstance(error, (api.PinLocked, api.PinExpired, api.UserPinNotInitialized)):
            state = type(error).__name__
            return WrongSecret(
                f"the PIN of the token {label!r} cannot be used ({state}); its security officer resets it"
            )
        if isinstance(error, (api.NoSuchToken, api.TokenNotPresent, api.TokenNotRecognised, api.DeviceRemoved)):
            return EnvironmentFailure(f"there is no token {label!r} in {self.module}; put it in and try again")
        if isinstance(error, api.MultipleTokensReturned):
            return EnvironmentFailure(f"several tokens are called {label!r}; leave one of them in")
        if isinstance(error, (api.MechanismInvalid, api.FunctionNotSupported)):
            return EnvironmentFailure(f"the token {label!r} cannot do {_MECHANISM} with AES-256; use another module")
        said = str(error).split(":", 1)[0].strip() or type(error).__name__
        return EnvironmentFailure(f"the PKCS #11 module {self.module} failed ({said}); check its path and the token")


@dataclass(frozen=True, slots=True)
class _Sealed:
    token: str
    key: str
    identifier: str
    nonce: bytes
    ciphertext: bytes

    @classmethod
    def read(cls, path: Path) -> _Sealed:
        document = Document.read(path, FORMAT, _FIELDS, _WHAT)
        if document.text("mechanism") != _MECHANISM:
            raise IntegrityError(f"{path} was sealed by {document.text('mechanism')!r}; upgrade faceward to open it")
        identifier = document.text("id")
        if not _is_hexadecimal(identifier):
            raise IntegrityError(f"{path} has a wrong id; restore it from its backup")
        nonce, ciphertext = document.blob("nonce", _NONCE_BYTES), document.blob("ciphertext", _SEALED_BYTES)
        return cls(document.text("token"), document.text("key"), identifier, nonce, ciphertext)

    def header(self) -> JSONObject:
        return {
            "token": self.token,
            "key": self.key,
            "id": self.identifier,
            "mechanism": _MECHANISM,
            "nonce": base64.b64encode(self.nonce).decode(),
        }

    def associated(self) -> bytes:
        return canonical_json({**self.header(), "format": FORMAT})


def _api() -> ModuleType:
    """Return the binding, which is an extra."""
    try:
        import pkcs11  # noqa: PLC0415 - an optional extra, needed by this holder alone
    except ImportError:
        raise EnvironmentFailure("PKCS #11 needs the package python-pkcs11; install faceward[hsm]") from None
    module: ModuleType = pkcs11
    return module


def _gcm(api: ModuleType, nonce: bytes, associated: bytes) -> dict[str, Any]:
    return {
        "mechanism": api.Mechanism.AES_GCM,
        "mechanism_param": api.GCMParams(nonce, associated, _TAG_BITS),
    }


def _find(api: ModuleType, session: Any, label: str, identifier: bytes | None = None) -> Any:  # noqa: ANN401 - the binding's own
    """Return the one AES key of a label, or None.

    Raises:
        EnvironmentFailure: There are several.
    """
    wanted = {
        api.Attribute.CLASS: api.ObjectClass.SECRET_KEY,
        api.Attribute.KEY_TYPE: api.KeyType.AES,
        api.Attribute.LABEL: label,
        api.Attribute.TOKEN: True,
    }
    if identifier is not None:
        wanted[api.Attribute.ID] = identifier
    found = list(session.get_objects(wanted))
    if len(found) > 1:
        raise EnvironmentFailure(f"the token has several keys {label!r}; name another key")
    return found[0] if found else None


def _make(api: ModuleType, session: Any, label: str) -> Any:  # noqa: ANN401 - the binding's own
    """Have the token draw a key that it never gives out."""
    attribute = api.Attribute
    return session.generate_key(
        api.KeyType.AES,
        _KEY_BITS,
        id=secrets.token_bytes(_ID_BYTES),
        label=label,
        store=True,
        capabilities=api.MechanismFlag.ENCRYPT | api.MechanismFlag.DECRYPT,
        template={attribute.PRIVATE: True, attribute.SENSITIVE: True, attribute.EXTRACTABLE: False},
    )


def _require_captive(api: ModuleType, key: Any, target: TokenKey) -> None:  # noqa: ANN401 - the binding's own
    """Refuse a key that was ever outside, or may be read out."""
    attribute = api.Attribute
    captive = key[attribute.ALWAYS_SENSITIVE] and key[attribute.NEVER_EXTRACTABLE] and key[attribute.LOCAL]
    if not captive or key[attribute.VALUE_LEN] * 8 != _KEY_BITS or not bytes(key[attribute.ID]):
        raise UsageError(
            f"the key {target.label!r} of the token {target.token!r} was not made in it as an AES-256 key that never "
            f"leaves it; name another label, and such a key is made"
        )


def _is_hexadecimal(text: str) -> bool:
    try:
        return bytes.fromhex(text).hex() == text
    except ValueError:
        return False
