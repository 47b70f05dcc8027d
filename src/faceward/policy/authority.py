"""Mandates (rules P2, P7): the authority to search - who, what for, where, until when, how often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.duration import format_duration
from faceward.core.errors import FacewardError, IntegrityError, PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.policy.asking import Request, SignedRequest, new_request
from faceward.policy.fields import moment
from faceward.policy.strict import Table

KIND = "mandate"
MOST_SEARCHES = 1_000_000
_MOST_NAMES = 100
_MAX_TEXT = 2000
_ASK = "Ask for one with 'faceward mandate request'."
_OPERATION = re.compile(r"[a-z]+([.-][a-z]+)*")
_KEYS = (
    "purpose",
    "operations",
    "galleries",
    "cameras",
    "place",
    "case",
    "basis",
    "starts",
    "until",
    "searches",
    "operators",
    "urgent",
    "recipient",
)


class Limits(Protocol):
    """What a standard says of mandates."""

    @property
    def longest(self) -> timedelta:
        """Longest term."""

    @property
    def searches(self) -> int:
        """Most searches."""

    @property
    def urgent(self) -> timedelta:
        """How long an urgent mandate may be used before it is approved (rule P7); zero where never."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The authority to search.

    Attributes:
        purpose: Name of a registered purpose.
        operations: What may be done, for example `identify`.
        galleries: Where.
        cameras: Pictures of which cameras; none means pictures that are handed in and come from no named camera.
        place: Where the people are looked for.
        case: The case number.
        basis: The legal basis, in words.
        starts: From when, UTC.
        until: Until when, exclusive, UTC; the request and its approvals end with it.
        searches: How many times it may be used.
        operators: Who may use it; names in the roster.
        urgent: It may be used before it is approved, as long as the standard says (rule P7).
        recipient: Who receives what leaves the system under it (rule S4); empty where nothing may.
    """

    purpose: str
    operations: tuple[str, ...]
    galleries: tuple[str, ...]
    cameras: tuple[str, ...]
    place: str
    case: str
    basis: str
    starts: datetime
    until: datetime
    searches: int
    operators: tuple[str, ...]
    urgent: bool
    recipient: str = ""

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal: the body of a request of the kind `mandate`."""
        return {
            "purpose": self.purpose,
            "operations": list(self.operations),
            "galleries": list(self.galleries),
            "cameras": list(self.cameras),
            "place": self.place,
            "case": self.case,
            "basis": self.basis,
            "starts": to_rfc3339(self.starts),
            "until": to_rfc3339(self.until),
            "searches": self.searches,
            "operators": list(self.operators),
            "urgent": self.urgent,
            "recipient": self.recipient,
        }

    @classmethod
    def from_json(cls, value: object) -> Mandate:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "mandate", IntegrityError)
        table.only(_KEYS)
        mandate = cls(
            table.text("purpose"),
            table.names("operations"),
            table.names("galleries"),
            table.names("cameras"),
            table.text("place"),
            table.text("case"),
            table.text("basis"),
            moment(table, "starts"),
            moment(table, "until"),
            _count(table, "searches"),
            table.names("operators"),
            table.flag("urgent"),
            table.text("recipient"),
        )
        try:
            return mandate.checked()
        except FacewardError as error:
            raise table.error(str(error)) from None

    @classmethod
    def of(cls, signed: SignedRequest) -> Mandate:
        """Return the mandate that a request asks for.

        Raises:
            PolicyRefusal: The request is of another kind, or does not end with the mandate (P2).
            IntegrityError: Its body is no mandate.
        """
        if signed.request.kind != KIND:
            raise PolicyRefusal("P2", f"a request of the kind {signed.request.kind!r} is no mandate.", _ASK)
        mandate = cls.from_json(signed.request.body)
        if mandate.until != signed.request.expires:
            raise PolicyRefusal("P2", "the request does not end with its mandate.", _ASK)
        return mandate

    def checked(self) -> Mandate:
        """Return it, if nothing that a mandate must say is left out.

        Raises:
            UsageError: Something is missing, given twice, too long or no name.
        """
        for what in ("place", "case", "basis"):
            text: str = getattr(self, what)
            if not text.strip():
                raise UsageError(f"the mandate names no {what}; give --{what}")
        for text in (self.place, self.case, self.basis, self.recipient):
            if len(text) > _MAX_TEXT or not text.isprintable():
                raise UsageError(f"a text of the mandate is no line of at most {_MAX_TEXT} characters; shorten it")
        _name(self.purpose, "purpose")
        _names(self.galleries, "gallery")
        _names(self.operators, "operator")
        _names(self.operations, "operation")
        _names(self.cameras, "camera", least=0)
        for operation in self.operations:
            if _OPERATION.fullmatch(operation) is None:
                raise UsageError(f"{operation!r} is no operation; name one such as 'identify'")
        if self.until <= self.starts:
            raise UsageError("the mandate ends before it starts; choose a later --until")
        if not 1 <= self.searches <= MOST_SEARCHES:
            raise UsageError(f"a mandate is for 1 to {MOST_SEARCHES:,} searches; choose --searches")
        return self

    def request(self, requester: str, deployment: str, now: datetime) -> Request:
        """Return the request for it, which ends with it.

        Raises:
            UsageError: Something is missing, or it has ended already.
        """
        return new_request(KIND, self.checked().to_json(), requester, deployment, (now, self.until))


def check_mandate(mandate: Mandate, limits: Limits) -> None:
    """Check a mandate against what its standard says of mandates.

    Raises:
        PolicyRefusal: It is longer, for more searches, or urgent where that is never so (P2, P7).
    """
    if mandate.until - mandate.starts > limits.longest:
        longest = format_duration(limits.longest)
        raise PolicyRefusal("P2", f"the mandate lasts longer than {longest}.", f"Ask for at most {longest}.")
    if mandate.searches > limits.searches:
        raise PolicyRefusal(
            "P2", f"the mandate is for more than {limits.searches} searches.", f"Ask for at most {limits.searches}."
        )
    if mandate.urgent and limits.urgent <= timedelta(0):
        raise PolicyRefusal("P7", "this standard knows no urgent mandates.", "Wait for another person's approval.")


def _count(table: Table, key: str) -> int:
    value = table.value(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise table.error(f"{key!r} must be a whole number")
    return value


def _name(name: str, what: str) -> None:
    if check_name(name, what) != name:
        raise UsageError(
            f"the {what} name {name!r} is not written as it is kept; use Unicode NFC without spaces around"
        )


def _names(names: tuple[str, ...], what: str, least: int = 1) -> None:
    if not least <= len(names) <= _MOST_NAMES or len(set(names)) != len(names):
        raise UsageError(f"a mandate names {least} to {_MOST_NAMES} of each {what}, none twice; give --{what}")
    for name in names:
        _name(name, what)
