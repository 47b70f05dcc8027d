"""The calls that cross the socket: one JSON object a line, there and back, the same table for both sides.

A request is `{"call": "release", "with": {…}}`, an answer `{"answer": …}` or `{"error": {…}}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.core.errors import FacewardError, IntegrityError
from faceward.custody.errors import error_from_json, error_to_json
from faceward.custody.messages import MAX_MESSAGE_BYTES, Presentation, approvals_of, index_of
from faceward.custody.protocol import CustodyStatus, Pins
from faceward.policy.asking import SignedRequest
from faceward.policy.people import Roster
from faceward.policy.statements import Statement
from faceward.policy.strict import Table, parse_json

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject, JSONValue
    from faceward.custody.protocol import Custody

_PINS = ("origin", "vkey", "standard", "standard_digest", "pack_digest")
_ROOT_BYTES = 32


def encode(message: JSONObject) -> bytes:
    """Write one line.

    Raises:
        IntegrityError: It is longer than 1 MiB.
    """
    line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_MESSAGE_BYTES:
        raise IntegrityError(f"the message is longer than {MAX_MESSAGE_BYTES} bytes; present less at once")
    return line


def decode(line: bytes, what: str) -> Table:
    """Read one line.

    Raises:
        IntegrityError: It is no JSON object.
    """
    return Table(parse_json(line, what, IntegrityError), what, IntegrityError)


def pins_to_json(pins: Pins) -> JSONObject:
    """Return the object that `pins_from_json` reads."""
    return {key: str(getattr(pins, key)) for key in _PINS}


def pins_from_json(value: object) -> Pins:
    """Read what `pins_to_json` wrote.

    Raises:
        IntegrityError: It is something else.
    """
    table = Table(value, "the pins", IntegrityError)
    table.only(_PINS)
    return Pins(*(table.text(key) for key in _PINS))


def status_to_json(status: CustodyStatus) -> JSONObject:
    """Return the object that `status_from_json` reads."""
    return {
        "pins": None if status.pins is None else pins_to_json(status.pins),
        "size": status.size,
        "root": status.root.hex(),
        "roster": status.roster.to_json(),
        "manned": status.manned,
        "stopped": status.stopped,
        "revoked": sorted(status.revoked),
        "spent": dict(status.spent),
        "separate": status.separate,
    }


def status_from_json(value: object, roster: Roster | None = None) -> CustodyStatus:
    """Read what `status_to_json` wrote.

    Args:
        value: The object.
        roster: The roster in it, if it was read before.

    Raises:
        IntegrityError: It is something else.
    """
    table = Table(value, "the custodian's status", IntegrityError)
    spent = table.table("spent")
    try:
        root = bytes.fromhex(table.text("root"))
    except ValueError:
        root = b""
    if len(root) != _ROOT_BYTES:
        raise table.error("'root' is no hash")
    pins = table.value("pins")
    return CustodyStatus(
        pins=None if pins is None else pins_from_json(pins),
        size=index_of(table, "size"),
        root=root,
        roster=roster or Roster.from_json(table.value("roster")),
        manned=table.flag("manned"),
        stopped=table.flag("stopped"),
        revoked=frozenset(table.names("revoked")),
        spent={digest: index_of(spent, digest) for digest in spent.keys()},  # noqa: SIM118 - not a mapping
        separate=table.flag("separate"),
    )


def _found(custody: Custody, given: Table) -> JSONValue:
    custody.found(pins_from_json(given.value("pins")))
    return None


def _decide(custody: Custody, given: Table) -> JSONValue:
    custody.decide(SignedRequest.from_json(given.value("request")), approvals_of(given, "approvals"))
    return None


def _revoke(custody: Custody, given: Table) -> JSONValue:
    mandate = given.value("mandate")
    statement = Statement.from_json(given.value("statement"))
    custody.revoke(statement, None if mandate is None else SignedRequest.from_json(mandate))
    return None


def _stop(custody: Custody, given: Table) -> JSONValue:
    statement = given.value("statement")
    custody.stop(None if statement is None else Statement.from_json(statement))
    return None


def _retire(custody: Custody, given: Table) -> JSONValue:
    custody.retire(_presented(given))
    return None


def _destroy(custody: Custody, given: Table) -> JSONValue:
    custody.destroy(_presented(given))
    return None


def _presented(given: Table) -> Presentation:
    return Presentation.from_json(given.value("presentation"))


_CALLS: Mapping[str, tuple[tuple[str, ...], Callable[[Custody, Table], JSONValue]]] = {
    "found": (("pins",), _found),
    "release": (("presentation",), lambda custody, given: custody.release(_presented(given)).to_json()),
    "create": (("presentation",), lambda custody, given: custody.create(_presented(given)).to_json()),
    "rotate": (("presentation",), lambda custody, given: custody.rotate(_presented(given)).to_json()),
    "retire": (("presentation",), _retire),
    "destroy": (("presentation",), _destroy),
    "decide": (("request", "approvals"), _decide),
    "revoke": (("statement", "mandate"), _revoke),
    "stop": (("statement",), _stop),
    "status": ((), lambda custody, _: status_to_json(custody.status())),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        line: What is sent.
        told: What the server's own log says of it: no name and no key.
        served: Something was given out or changed, so that who asked is no stranger.
    """

    line: bytes = field(repr=False)
    told: str
    served: bool = False


def answer(custody: Custody, line: bytes) -> Answer:
    """Carry out one request.

    Args:
        custody: The custodian.
        line: The request, without its line end.

    Raises:
        IntegrityError: It is no request; whoever sent it does not speak this language.
    """
    request = decode(line, "the request")
    request.only(("call", "with"))
    call = request.text("call")
    if call not in _CALLS:
        raise IntegrityError("the custodian knows no such call; use the same version of faceward on both sides")
    keys, carry_out = _CALLS[call]
    try:
        given = request.table("with")
        given.only(keys)
        return Answer(encode({"answer": carry_out(custody, given)}), f"{call}: done", call != "status")
    except FacewardError as error:
        rule = getattr(error, "rule", "")
        return failure(error, f"{call}: {type(error).__name__} {rule}".rstrip())


def failure(error: FacewardError, told: str) -> Answer:
    """Return an error as an answer."""
    return Answer(encode({"error": error_to_json(error)}), told)


def read_answer(line: bytes) -> object:
    """Return what a custodian answered, or raise what it refused with.

    Raises:
        FacewardError: What the custodian raised.
        IntegrityError: The answer is something else.
    """
    table = decode(line, "the custodian's answer")
    table.only(("answer", "error"))
    if table.has("error"):
        raise error_from_json(table.value("error"))
    return table.value("answer")
