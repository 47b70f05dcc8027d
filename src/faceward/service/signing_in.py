"""Signing in: what is to be signed, checking what was, and the session that follows (rule K2)."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.core.canonical import JSONValue
from faceward.core.errors import BadInput, PolicyRefusal
from faceward.core.names import check_name
from faceward.policy.passkeys import challenge
from faceward.policy.sessions import SESSION_NAMESPACE, OpenSession, PreparedSession, check_session
from faceward.policy.sshwire import BadSignature
from faceward.service import limits, passkeys, sessions
from faceward.service.callers import Kind
from faceward.service.sessions import SignedIn

if TYPE_CHECKING:
    from faceward.service.state import Service

_KIND = "signing-in"
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in.

    Attributes:
        service: The service.
        address: Where it comes from; see `limits.address_of`.
    """

    service: Service
    address: str

    def asked_by_name(self, person: str) -> dict[str, JSONValue]:
        """Return what the passkey of a named person is to sign; for a name that nobody has it looks the same.

        Returns:
            `ceremony`, `person` and `publicKey`.

        Raises:
            Busy: Too many attempts failed.
            UsageError: The name cannot be one.
        """
        name = check_name(person, "person")
        limits.check(self.service, self.address, name)
        registered = sessions.roster(self.service).people.get(name)
        known = [] if registered is None else passkeys.credentials_of(self.service, registered.keys)
        return self._asked(name, known or [passkeys.nobodys_credential(self.service, name)])

    def asked_who(self) -> dict[str, JSONValue]:
        """Return what a passkey is to answer of which nobody has said yet whose it is: `ceremony` and `publicKey`.

        Raises:
            Busy: Too many attempts failed.
        """
        limits.check(self.service, self.address)
        asked = secrets.token_bytes(32)
        ceremony = self._kept({"asked": asked.hex()})
        return {"ceremony": ceremony, "publicKey": passkeys.request_options(self.service, asked, ())}

    def answered_who(self, ceremony: str, credential: dict[str, object]) -> dict[str, JSONValue]:
        """Take the answer to `asked_who`, and return what that person's passkey is to sign.

        Raises:
            BadInput: It is too late.
            BadSignature: Nobody has this passkey, or the answer does not hold.
        """
        kept = self._taken(ceremony)
        person = passkeys.who(self.service, credential, sessions.roster(self.service).people)
        passkeys.checked(self.service, credential, person, bytes.fromhex(str(kept.get("asked"))))
        return self._asked(person.name, [str(credential["id"])])

    def by_passkey(self, ceremony: str, credential: dict[str, object]) -> tuple[str, str]:
        """Take what a passkey signed, and begin a session.

        Returns:
            The person and the session's token.

        Raises:
            BadInput: It is too late.
            BadSignature: What was signed does not hold (S2).
            PolicyRefusal: The roster does not know the person (S2).
        """
        prepared = self._prepared(self._taken(ceremony))
        name = prepared.session.person
        limits.check(self.service, self.address, name)
        person = sessions.roster(self.service).people.get(name)
        if person is None:
            raise BadSignature.because("nobody here has this passkey.", "Have it added, or use another.")
        signed = passkeys.signed(self.service, credential, person, SESSION_NAMESPACE, prepared.message())
        return name, self._begin(prepared.opened(signed.signature))

    def prepared(self, person: str) -> dict[str, JSONValue]:
        """Return what somebody is to sign with `ssh-keygen -Y sign` to open a session.

        Returns:
            `prepared`, `namespace`, `message` (text) and `expires`.

        Raises:
            Busy: Too many attempts failed.
            UsageError: The name cannot be one.
        """
        name = check_name(person, "person")
        limits.check(self.service, self.address, name)
        made = self.service.system.accounts.prepare(name, self.service.settings.session)
        shown = made.session.to_json()
        return {
            "prepared": self._kept({"secret": _text(made.to_secret())}),
            "namespace": SESSION_NAMESPACE,
            "message": made.message().decode(),
            "expires": shown["expires"],
        }

    def by_signature(self, name: str, signature: str) -> tuple[str, str]:
        """Take what `ssh-keygen -Y sign` wrote, and begin a session; see `by_passkey`."""
        prepared = self._prepared(self._taken(name))
        person = prepared.session.person
        limits.check(self.service, self.address, person)
        return person, self._begin(prepared.opened(signature))

    def whose(self, ceremony: str) -> str:
        """Return whose name an attempt was begun in, for the count of failures; empty where that is not known."""
        kept = self.service.vault.get(_KIND, ceremony)
        return self._prepared(kept).session.person if isinstance(kept, dict) and "secret" in kept else ""

    def _begin(self, session: OpenSession) -> str:
        system = self.service.system
        # Checked before the log is told, so that only who is known writes to it without limit.
        check_session(session.signed, system.people.roster(), system.accounts.origin, self.service.now())
        system.acting(session.person).accounts.admit(session)
        limits.succeeded(self.service, session.person)
        return sessions.begin(
            self.service, SignedIn(Kind.PERSON, session.person, self.service.settings.session, session)
        )

    def _asked(self, person: str, credentials: list[str]) -> dict[str, JSONValue]:
        made = self.service.system.accounts.prepare(person, self.service.settings.session)
        asked = challenge(SESSION_NAMESPACE, made.message())
        return {
            "ceremony": self._kept({"secret": _text(made.to_secret())}),
            "person": person,
            "publicKey": passkeys.request_options(self.service, asked, credentials),
        }

    def _kept(self, value: JSONValue) -> str:
        limits.begun(self.service, self.address)
        name = secrets.token_urlsafe(_TOKEN_BYTES)
        self.service.vault.put(_KIND, name, value, self.service.now() + passkeys.TERM)
        return name

    def _taken(self, name: str) -> dict[str, JSONValue]:
        kept = self.service.vault.take(_KIND, name)
        if not isinstance(kept, dict):
            raise BadInput("this took too long, or was done already; begin to sign in again")
        return kept

    def _prepared(self, kept: dict[str, JSONValue]) -> PreparedSession:
        if "secret" not in kept:
            raise BadInput("this is no prepared session; begin to sign in again")
        return PreparedSession.from_secret(base64.b64decode(str(kept["secret"])))


REFUSED = (PolicyRefusal, BadInput)
"""What a failed attempt raises; it is counted and logged."""


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
