"""Signed statements that only take away: revoking a mandate, stopping all searching (rule W7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.policy.fields import MAX_ORIGIN, VERSION, check_head, line, moment, person_name
from faceward.policy.people import Person, Roster
from faceward.policy.requests import LONGEST, SKEW
from faceward.policy.sshsig import MessageSigner
from faceward.policy.strict import Table

STATEMENT_NAMESPACE = "faceward-statement"
_KEYS = ("version", "act", "about", "reason", "person", "deployment", "time", "signature")
_MAX_ABOUT = 64
_MAX_REASON = 2000


class StatementAct(StrEnum):
    """What a statement does."""

    REVOKE = "revoke"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Statement:
    """A person's statement.

    Attributes:
        act: What it does.
        about: The digest of the mandate's request; empty for `stop`.
        reason: Why, in a line; may be empty.
        person: Who.
        deployment: Origin of the deployment's log.
        time: When, UTC.
        signature: Armoured SSHSIG over `message`; empty where the roster is empty and nobody has a key.
    """

    act: StatementAct
    about: str
    reason: str
    person: str
    deployment: str
    time: datetime
    signature: str = ""

    def message(self) -> bytes:
        """Return what the person signs, in canonical JSON."""
        return canonical_json({name: value for name, value in self.to_json().items() if name != "signature"})

    def digest(self) -> str:
        """Return the SHA-256 of `message`, 64 hexadecimal digits."""
        return sha256_hex(self.message())

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "version": VERSION,
            "act": self.act.value,
            "about": self.about,
            "reason": self.reason,
            "person": self.person,
            "deployment": self.deployment,
            "time": to_rfc3339(self.time),
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, value: object) -> Statement:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "statement", IntegrityError)
        check_head(table, _KEYS)
        act = table.text("act")
        if act not in set(StatementAct):
            raise table.error("its act is none; get an unaltered copy")
        return cls(
            StatementAct(act),
            line(table, "about", _MAX_ABOUT),
            line(table, "reason", _MAX_REASON),
            person_name(table, "person"),
            line(table, "deployment", MAX_ORIGIN),
            moment(table, "time"),
            table.text("signature"),
        )

    def checked(self) -> Statement:
        """Return it, if its reason can be written on a line.

        Raises:
            UsageError: It cannot.
        """
        if len(self.reason) > _MAX_REASON or not self.reason.isprintable():
            raise UsageError(f"the reason is no line of at most {_MAX_REASON} characters; shorten it")
        return self

    def signed(self, key: MessageSigner) -> Statement:
        """Return it with the person's signature."""
        signature = key.sign(STATEMENT_NAMESPACE, self.message())
        return Statement(self.act, self.about, self.reason, self.person, self.deployment, self.time, signature)


def check_statement(statement: Statement, roster: Roster, deployment: str, now: datetime) -> Person:
    """Check that a person of the roster made a statement, here and not longer than a year ago.

    A custodian that must not be told the same twice compares `Statement.digest`, or `Statement.time` with its last.

    Returns:
        The person.

    Raises:
        PolicyRefusal: Another deployment, another time, somebody who is not in the roster, a program that says more
            than stop, or a wrong signature (S2).
    """
    if statement.deployment != deployment:
        raise PolicyRefusal("S2", "this statement is for another deployment.", "Make it for this one.")
    if not now - LONGEST < statement.time <= now + SKEW:
        raise PolicyRefusal("S2", "this statement was made at another time.", "Make it now, by a clock that is right.")
    if statement.person not in roster:
        raise PolicyRefusal("S2", f"{statement.person!r} is not in the roster.", "Let somebody sign who is.")
    person = roster.person(statement.person)
    if person.is_machine and statement.act is not StatementAct.STOP:
        raise PolicyRefusal("S2", f"{person.name!r} is a program, and states nothing.", "Let a person sign it.")
    person.check_signature(STATEMENT_NAMESPACE, statement.message(), statement.signature)
    return person
