"""Accounts of a service: sessions of keys that are elsewhere, accounts at OpenID providers, who was turned away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.requests import Requests
from faceward.operations.signing_in import TERM, admit
from faceward.policy.people import parse_roles
from faceward.policy.sessions import OpenSession, PreparedSession
from faceward.policy.strict import Table

KIND, LINK, UNLINK = "account", "account.link", "account.unlink"
_KEYS = ("issuer", "subject", "name", "roles", "by")
_MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Account:
    """An account at an OpenID provider, and whose it is here.

    Attributes:
        issuer: The provider, as its tokens name it.
        subject: The account there, as its tokens name it; never an address of mail, which can change hands.
        name: Whose it is: a name in the roster, where there are people.
        roles: What they may see while nobody is in the roster; afterwards the roster says it.
        by: Who linked it.
    """

    issuer: str
    subject: str
    name: str
    roles: frozenset[str]
    by: str

    @property
    def digest(self) -> str:
        """What names it here, 64 hexadecimal digits."""
        return account_digest(self.issuer, self.subject)

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "issuer": self.issuer,
            "subject": self.subject,
            "name": self.name,
            "roles": sorted(self.roles),
            "by": self.by,
        }

    @classmethod
    def from_json(cls, value: object) -> Account:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "account", IntegrityError)
        table.only(_KEYS)
        texts = (table.text("issuer"), table.text("subject"), table.text("name"))
        return cls(*texts, frozenset(table.names("roles")), table.text("by"))


def account_digest(issuer: str, subject: str) -> str:
    """Return what names an account here: the SHA-256 of issuer and subject, 64 hexadecimal digits."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


class Accounts:
    """Accounts of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    @property
    def origin(self) -> str:
        """The origin of the deployment's log, which every signature names."""
        return self._deployment.log.origin

    def now(self) -> datetime:
        """Return the current time, UTC."""
        return self._deployment.now()

    def prepare(self, person: str, term: timedelta = TERM) -> PreparedSession:
        """Begin to sign in with a key that is elsewhere; whether the roster knows the person is not said here.

        Raises:
            UsageError: The name cannot be one.
        """
        return OpenSession.prepare(person, self.origin, self._deployment.now(), term)

    def admit(self, session: OpenSession) -> None:
        """Let the person act whose session it is; see `signing_in.admit`."""
        admit(self._deployment, self._desk, session)

    def turned_away(self, about: JSONObject) -> None:
        """Record that a service turned somebody away, or how many."""
        details: JSONObject = {"rule": "K2", **about}
        self._desk.journal.write(Phase.DENIED, [Happening("service.denied", details)])

    def note(self, operation: str, details: JSONObject) -> None:
        """Record what a service did for somebody's account, such as making a link."""
        self._desk.journal.write(Phase.NOTE, [Happening(operation, details)])

    def proven(self, operation: str, details: JSONObject) -> None:
        """Record what somebody did for another's account, such as making a link, if their own key proves who they are.

        Raises:
            PolicyRefusal: Nobody has signed in with a key that the roster knows (S2); recorded.
        """
        Requests(self._deployment, self._desk).session(Happening(operation, details))
        self.note(operation, details)

    def masked_address(self, address: str) -> str:
        """Return what stands for a network address in the log: the same for the same address, and it names none."""
        return self._deployment.masked("address", address)[:16]

    def handle(self, person: str) -> bytes:
        """Return what passkeys know a person by: 32 bytes that name nobody, always the same (WebAuthn §4)."""
        return self._deployment.masked("passkey", person).encode("ascii")

    def link(self, issuer: str, subject: str, name: str, roles: tuple[str, ...] = ()) -> Account:
        """Say whose an account at a provider is.

        Args:
            issuer: The provider.
            subject: The account there.
            name: Whose: a name in the roster, where there are people.
            roles: What they may see while nobody is in the roster.

        Raises:
            PolicyRefusal: People are registered and nobody has signed in who may, or to himself (K2); recorded.
            UsageError: The roster has no such person, or roles are given that it says.
        """
        who = check_name(name, "person")
        for text in (issuer, subject):
            if not text or len(text) > _MAX_TEXT or not text.isprintable():
                raise UsageError(f"the account's issuer and subject are lines of 1 to {_MAX_TEXT} characters")
        account = Account(issuer, subject, who, frozenset(roles), self._deployment.operator)
        happening = Happening(LINK, account.to_json())
        roster = Requests(self._deployment, self._desk).roster()
        if len(roster):
            self._require_operator(happening)
            if roster.person(who).name == self._deployment.operator:
                refusal = PolicyRefusal("K2", "nobody links an account to themself.", "Ask another operator.")
                self._desk.deny(happening, refusal)
                raise refusal
            account = Account(issuer, subject, roster.person(who).name, frozenset(), self._deployment.operator)
            happening = Happening(LINK, account.to_json())
        elif roles:
            parse_roles(roles)
        with self._recorded(happening):
            self._deployment.keep(KIND, account.digest, account.to_json())
        return account

    def unlink(self, digest: str) -> None:
        """Let an account get in no longer.

        Raises:
            UsageError: There is none.
            PolicyRefusal: See `link`.
        """
        found = self.linked(digest)
        if found is None:
            raise UsageError(f"there is no account {digest[:12]!r}")
        happening = Happening(UNLINK, found.to_json())
        if len(Requests(self._deployment, self._desk).roster()):
            self._require_operator(happening)
        with self._recorded(happening):
            self._deployment.store.delete_document(KIND, digest)

    def linked(self, digest: str) -> Account | None:
        """Return an account by its digest, or None where it is nobody's."""
        found = self._deployment.kept(KIND, digest)
        return None if found is None else Account.from_json(found)

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts that are somebody's."""
        kept: dict[str, JSONValue] = self._deployment.kept_all(KIND)
        return tuple(Account.from_json(value) for _, value in sorted(kept.items()) if value is not None)

    @contextmanager
    def _recorded(self, happening: Happening) -> Iterator[None]:
        """Say in the log that something begins, before it is done, and how it ended; a restored backup repeats it."""
        [begun] = self._desk.journal.write(Phase.BEGIN, [self._desk.announced(happening)])
        act = self._desk.act(begun)
        try:
            yield
        except BaseException as error:
            self._desk.close(happening.operation, act, failure=error)
            raise
        self._desk.close(happening.operation, act)

    def _require_operator(self, happening: Happening) -> None:
        requests = Requests(self._deployment, self._desk)
        session = requests.session(happening)
        person = requests.roster().person(session.person)
        if "operator" not in {role.value for role in person.roles}:
            refusal = PolicyRefusal("K2", "accounts are linked by operators.", "Ask an operator.")
            self._desk.deny(happening, refusal)
            raise refusal
