"""What a custodian refuses in ways that its callers act upon, and how errors cross the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceward.core import errors
from faceward.core.errors import EnvironmentFailure, FacewardError, IntegrityError, PolicyRefusal
from faceward.policy.strict import Table

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject


class StaleProof(IntegrityError):
    """The proof begins at another size than the custodian saw last, because another process was faster.

    The caller builds it again from `size`. Who cannot has a log that was rolled back.

    Attributes:
        size: Number of entries of the log when the custodian saw it last.
    """

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the custodian saw the log last with {size} entries; prove that it grew from there, "
            "or restore the log if it is shorter"
        )
        self.size = size


class Replayed(PolicyRefusal):
    """What was presented was presented before: one entry, one key; one request, one change."""


class Busy(EnvironmentFailure):
    """The custodian serves as many connections as it may."""


_OURS: dict[str, type[FacewardError]] = {"Busy": Busy}
_PLAIN: dict[str, type[FacewardError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, FacewardError) and not issubclass(kind, PolicyRefusal)
} | _OURS
_REFUSALS: dict[str, type[PolicyRefusal]] = {"PolicyRefusal": PolicyRefusal, "Replayed": Replayed}
_STALE = "StaleProof"
_MAX_SIZE = 1e15
# A message may repeat what was handed in; an answer must be shorter than a message may be, whatever that was.
_MAX_TEXT = 4000


def error_to_json(error: FacewardError) -> JSONObject:
    """Return an error as it crosses the socket: as the closest class that both sides know."""
    known = _PLAIN.keys() | _REFUSALS.keys() | {_STALE}
    kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in known)
    if isinstance(error, StaleProof):
        return {"kind": kind, "size": error.size}
    if isinstance(error, PolicyRefusal):
        return {"kind": kind, "rule": _cut(error.rule), "reason": _cut(error.reason), "remedy": _cut(error.remedy)}
    return {"kind": kind, "message": _cut(str(error))}


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def error_from_json(value: object) -> FacewardError:
    """Return the error that `error_to_json` wrote.

    Raises:
        IntegrityError: It is something else.
    """
    table = Table(value, "the custodian's answer", IntegrityError)
    kind = table.text("kind")
    if kind == _STALE:
        return StaleProof(int(min(max(table.number("size"), 0), _MAX_SIZE)))
    if kind in _REFUSALS:
        return _REFUSALS[kind](table.text("rule"), table.text("reason"), table.text("remedy"))
    if kind in _PLAIN:
        return _PLAIN[kind](table.text("message"))
    raise table.error("an error of an unknown kind; use the same version of faceward on both sides")
