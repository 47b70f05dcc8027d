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
from faceward.service import passkeys, pending, sessions
from faceward.service.callers import Kind
from faceward.service.sessions import SignedIn

if TYPE_CHECKING:
    from faceward.service.state import Service

_KIND = "signing-in"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in.

    Attributes:
        service: The service.
    """

    service: Service

    def asked_by_name(self, person: str) -> dict[str, JSONValue]:
        """Return what the passkey of a named person is to sign; for a name that nobody has it looks the same.

        Returns:
            `ceremony`, `person` and `publicKey`.

        Raises:
            UsageError: The name cannot be one.
        """
        name = check_name(person, "person")
        registered = sessions.roster(self.service).people.get(name)
        known = [] if registered is None else passkeys.credentials_of(self.service, registered.keys)
        return self._asked(name, known or [passkeys.nobodys_credential(self.service, name)])

    def asked_who(self) -> dict[str, JSONValue]:
        """Return what a passkey is to answer of which nobody has said yet whose it is: `ceremony` and `publicKey`."""
        asked = secrets.token_bytes(32)
        ceremony = self._kept({"asked": asked.hex()})
        return {"ceremony": ceremony, "publicKey": passkeys.request_options(self.service, asked, ())}

    def answered_who(self, ceremony: str, credential: dict[str, object]) -> dict[str, JSONValue]:
        """Take the answer to `asked_who`, and return what that person's passkey is to sign.

        Raises:
            BadInput: It is too late.
            BadSignature: Nobody has this passkey, or the answer does not hold.
        """
        kept = self._opened(ceremony)
        if "asked" not in kept:
            raise BadInput("this asks for no name; begin to sign in again")
        person = passkeys.who(self.service, credential, sessions.roster(self.service).people)
        passkeys.checked(self.service, credential, person, bytes.fromhex(str(kept["asked"])))
        self._once(ceremony)
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
        kept = self._opened(ceremony)
        prepared, allowed = self._prepared(kept), kept.get("allowed")
        if not isinstance(allowed, list) or credential.get("id") not in allowed:
            raise BadSignature.because("another passkey answered than was asked.", "Use the one that is asked for.")
        name = prepared.session.person
        person = sessions.roster(self.service).people.get(name)
        if person is None:
            raise BadSignature.because("nobody here has this passkey.", "Have it added, or use another.")
        signed = passkeys.signed(self.service, credential, person, SESSION_NAMESPACE, prepared.message())
        return name, self._begin(ceremony, prepared.opened(signed.signature))

    def prepared(self, person: str) -> dict[str, JSONValue]:
        """Return what somebody is to sign with `ssh-keygen -Y sign` to open a session.

        Returns:
            `prepared`, `namespace`, `message` (text) and `expires`.

        Raises:
            UsageError: The name cannot be one.
        """
        name = check_name(person, "person")
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
        prepared = self._prepared(self._opened(name))
        person = prepared.session.person
        passkeys.not_by_browser(signature)
        return person, self._begin(name, prepared.opened(signature))

    def whose(self, ceremony: str) -> str:
        """Return whose name an attempt was begun in, for the log; empty where that is not known."""
        kept = pending.opened(self.service, _KIND, ceremony)
        return "" if kept is None or "secret" not in kept else self._prepared(kept).session.person

    def _begin(self, ceremony: str, session: OpenSession) -> str:
        system = self.service.system
        # Checked before the log is told, so that only who is known writes to it without limit.
        check_session(session.signed, system.people.roster(), system.accounts.origin, self.service.now())
        self._once(ceremony)
        system.acting(session.person).accounts.admit(session)
        return sessions.begin(
            self.service, SignedIn(Kind.PERSON, session.person, self.service.settings.session, session)
        )

    def _asked(self, person: str, credentials: list[str]) -> dict[str, JSONValue]:
        made = self.service.system.accounts.prepare(person, self.service.settings.session)
        asked = challenge(SESSION_NAMESPACE, made.message())
        return {
            "ceremony": self._kept({"secret": _text(made.to_secret()), "allowed": [*credentials]}),
            "person": person,
            "publicKey": passkeys.request_options(self.service, asked, credentials),
        }

    def _kept(self, value: dict[str, JSONValue]) -> str:
        return pending.sealed(self.service, _KIND, value, passkeys.TERM)

    def _opened(self, ceremony: str) -> dict[str, JSONValue]:
        kept = pending.opened(self.service, _KIND, ceremony)
        if kept is None:
            raise _too_late()
        return kept

    def _once(self, ceremony: str) -> None:
        """Take what proves an attempt for once; only then is anything remembered of it."""
        if not pending.answered(self.service, _KIND, ceremony, passkeys.TERM):
            raise _too_late()

    def _prepared(self, kept: dict[str, JSONValue]) -> PreparedSession:
        if "secret" not in kept:
            raise BadInput("this is no prepared session; begin to sign in again")
        return PreparedSession.from_secret(base64.b64decode(str(kept["secret"])))


REFUSED = (PolicyRefusal, BadInput)
"""What a failed attempt raises; it is logged."""


def _too_late() -> BadInput:
    return BadInput("this took too long, or was done already; begin to sign in again")


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
