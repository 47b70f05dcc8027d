"""People: who may act, each with a key of their own (rule S2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name, normal_name
from faceward.policy import machines
from faceward.policy.lookalikes import alike
from faceward.policy.sshsig import PublicKey, signer_of, verify
from faceward.policy.strict import Table

LEAST_APPROVERS = 2
"""With fewer nobody could approve what the other asks for."""
MOST_FURTHER = 7
"""Most keys of a person beside the first."""

_KEYS = ("name", "key", "further", "responsible", "roles", "trained", "added")


class Role(StrEnum):
    """What a person may do."""

    OPERATOR = "operator"
    APPROVER = "approver"
    REVIEWER = "reviewer"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may act.

    Attributes:
        name: Their name, Unicode NFC.
        key: The public half of their key; nobody else has it.
        roles: What they may do; at least one.
        trained: Their training is valid until this day, inclusive, UTC; None where they have none.
        added: When they were added, UTC.
        further: Other keys of theirs, such as a second passkey; each counts as much as the first.
        responsible: For a program, the name of who answers for it; empty for people. See `policy.machines`.
    """

    name: str
    key: PublicKey
    roles: frozenset[Role]
    trained: date | None
    added: datetime
    further: tuple[PublicKey, ...] = ()
    responsible: str = ""

    @property
    def is_machine(self) -> bool:
        """Whether it is a program, by its name."""
        return machines.is_machine(self.name)

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """All their keys, the first one first."""
        return (self.key, *self.further)

    def shares_key(self, other: Person) -> bool:
        """Tell whether a key of theirs is also the other's."""
        return any(one.same_key(two) for one in self.keys for two in other.keys)

    def check_signature(self, namespace: str, message: bytes, signature: str) -> None:
        """Check that one of their keys signed a message for a namespace; see `sshsig.verify`.

        Raises:
            BadSignature: None did (S2).
        """
        signer = signer_of(signature) if self.further else self.key
        verify(signer if signer in self.further else self.key, namespace, message, signature)

    def is_trained(self, now: datetime) -> bool:
        """Tell whether their training is valid."""
        return self.trained is not None and now.astimezone(UTC).date() <= self.trained

    def checked(self) -> Person:
        """Return the person, if no key of theirs is named twice.

        Raises:
            UsageError: One is, or somebody is said to answer for a person.
        """
        machines.check_fields(self)
        if len({key.key for key in self.keys}) != len(self.keys):
            raise UsageError(f"a key of {self.name!r} is named twice; name each once")
        return self

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        # Left out where there is none, so that what was signed before there could be any reads the same.
        further: JSONObject = {"further": [key.line for key in self.further]} if self.further else {}
        return {
            "name": self.name,
            "key": self.key.line,
            **further,
            **({"responsible": self.responsible} if self.responsible else {}),
            "roles": sorted(role.value for role in self.roles),
            "trained": None if self.trained is None else self.trained.isoformat(),
            "added": to_rfc3339(self.added),
        }

    @classmethod
    def from_json(cls, value: object) -> Person:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "person", IntegrityError)
        table.only(_KEYS)
        roles = table.names("roles")
        trained = None if table.value("trained") is None else table.text("trained")
        try:
            return cls(
                checked_name(table.text("name")),
                PublicKey.parse(table.text("key")),
                parse_roles(roles),
                None if trained is None else date.fromisoformat(trained),
                from_rfc3339(table.text("added")),
                _further(table),
                checked_name(table.text("responsible")) if table.has("responsible") else "",
            ).checked()
        except (ValueError, OverflowError) as error:
            raise table.error(f"{error}") from None
        except FacewardError as error:
            raise table.error(str(error)) from None


def _further(table: Table) -> tuple[PublicKey, ...]:
    lines = table.names("further") if table.has("further") else None
    if lines == ():
        raise table.error("'further' names no key; it is left out where there is none")
    return parse_further(lines or ())


def parse_further(lines: tuple[str, ...]) -> tuple[PublicKey, ...]:
    """Return further keys by their lines.

    Raises:
        BadInput: One is none.
        UsageError: There are too many.
    """
    if len(lines) > MOST_FURTHER:
        raise UsageError(f"a person has at most {MOST_FURTHER + 1} keys; leave out those that are not used any more")
    return tuple(PublicKey.parse(line) for line in lines)


def checked_name(text: str) -> str:
    """Return a person's name in Unicode NFC; see `check_name`.

    Raises:
        UsageError: It cannot name a person.
    """
    return check_name(text, "person")


def parse_roles(names: tuple[str, ...]) -> frozenset[Role]:
    """Return roles by their names.

    Raises:
        UsageError: One is unknown, or there is none.
    """
    known = {role.value: role for role in Role}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no role {name!r}; roles are {', '.join(known)}")
    if not names:
        raise UsageError(f"a person needs a role; roles are {', '.join(known)}")
    return frozenset(known[name] for name in names)


@dataclass(frozen=True, slots=True)
class Roster:
    """All people of a deployment. It does not change; each change makes another.

    Attributes:
        people: By name.
        training_asked: Whether an approver must be trained; the standard says so, and it is not part of the JSON.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    training_asked: bool = False

    def __post_init__(self) -> None:
        # Sorted and read-only, so that equal rosters are equal in every respect.
        object.__setattr__(self, "people", MappingProxyType(dict(sorted(self.people.items()))))

    def __len__(self) -> int:
        return len(self.people)

    def __contains__(self, name: str) -> bool:
        return normal_name(name) in self.people

    def person(self, name: str) -> Person:
        """Return a person.

        Raises:
            UsageError: There is none of this name.
        """
        found = self.people.get(normal_name(name))
        if found is None:
            raise UsageError(f"there is no person {name!r} in the roster; 'faceward person list' shows all")
        return found

    @property
    def anybody(self) -> bool:
        """Whether a person is in it; programs alone found nothing."""
        return any(not person.is_machine for person in self.people.values())

    @property
    def complete(self) -> bool:
        """Whether two people can approve what the other asks for. Until then changes found the roster, unapproved."""
        return sum(Role.APPROVER in person.roles for person in self.people.values()) >= LEAST_APPROVERS

    def asking_training(self, asked: bool) -> Roster:
        """Return the roster as a standard reads it that asks approvers for training, or does not."""
        return replace(self, training_asked=asked)

    def with_person(self, person: Person) -> Roster:
        """Return the roster with a person added, or in the place of one of the same name.

        Raises:
            PolicyRefusal: Another name holds the same key, or looks the same; too few approvers would be left; or it is
                a program that nobody answers for, or that is more than an operator.
        """
        machines.check_joining(person, self.people)
        return self._joined(person)

    def _joined(self, person: Person) -> Roster:
        for other in self.people.values():
            if other.name != person.name and other.shares_key(person):
                raise PolicyRefusal(
                    "S2",
                    f"{other.name!r} holds this key already, and nobody shares a key.",
                    "Make a key for each person with 'faceward person key'.",
                )
            if other.name != person.name and alike(other.name) == alike(person.name):
                raise PolicyRefusal(
                    "S2", f"the name {person.name!r} looks like {other.name!r}.", "Choose a name that differs."
                )
        return self._changed({**self.people, person.name: person})

    def without(self, name: str) -> Roster:
        """Return the roster without a person.

        Raises:
            UsageError: There is none of this name.
            PolicyRefusal: Too few approvers would be left.
        """
        gone = self.person(name)
        return self._changed({n: person for n, person in self.people.items() if n != gone.name})

    def _changed(self, people: Mapping[str, Person]) -> Roster:
        changed = replace(self, people=people)
        # Otherwise a complete roster could be brought back to where changes need no approval.
        if self.complete and not changed.complete:
            raise PolicyRefusal(
                "S2",
                "fewer than two approvers would be left, and nobody could approve anything.",
                "Add another approver first.",
            )
        return changed

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {"people": [person.to_json() for person in self.people.values()]}

    @classmethod
    def from_json(cls, value: object) -> Roster:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object, or holds a name or a key twice.
        """
        table = Table(value, "roster", IntegrityError)
        table.only(("people",))
        listed = table.value("people")
        if not isinstance(listed, list):
            raise table.error("'people' must be a list")
        roster = cls()
        for entry in listed:
            person = Person.from_json(entry)
            if person.name in roster.people:
                raise table.error(f"{person.name!r} is listed twice")
            try:
                roster = roster._joined(person)
            except PolicyRefusal as refusal:
                raise table.error(refusal.reason) from None
        return roster
