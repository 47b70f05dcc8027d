"""The mandate that an operation names: what its entry and the custodian are shown of it (rules P2 and P7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faceward.core.errors import UsageError
from faceward.core.names import printable
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.mandates import NOTHING, Mandates
from faceward.operations.release import HeldMandate
from faceward.policy.mandates import Mandate, Use


@dataclass(frozen=True, slots=True)
class Warrant:
    """A mandate as it was named for one use.

    Attributes:
        held: The mandate, or None where none was named or none is held.
        assessment: What of it allows the use, for the standard's rules; None where none was named.
        use: What it was named for; None where that are several uses.
    """

    held: HeldMandate | None
    assessment: Mapping[str, bool] | None
    use: Use | None = None

    @property
    def told(self) -> dict[str, tuple[str, str]]:
        """What a refusal by rule P2 says, where an operation or a camera is all that the mandate does not name."""
        if self.held is None or self.use is None or self.assessment is None:
            return {}
        lacking = [fact for fact, holds in self.assessment.items() if not holds]
        mandate, use = Mandate.of(self.held.signed), self.use
        if lacking == ["mandate_names_operation"]:
            named = " and ".join(mandate.operations)
            remedy = f"Ask for one with '--operation {use.operation}', beside others that are needed."
            return {"P2": (f"the mandate does not name the operation {use.operation!r}, only {named}.", remedy)}
        missing = sorted(use.seen_by - frozenset(mandate.cameras))
        if lacking == ["mandate_names_camera"] and missing:
            remedy = "Use a camera that it names, or ask for a mandate for this one."
            return {"P2": (f"the mandate does not name this camera: {printable(missing[0])!r}.", remedy)}
        return {}


def warrant(deployment: Deployment, desk: Desk, start: str | None, use: Use, *, own: int = 0) -> Warrant:
    """Look up a mandate for a use.

    A name that leads to no mandate is no error here: the rules refuse what is not covered, and the refusal is logged.

    Args:
        deployment: The deployment.
        desk: Where acts are recorded.
        start: The mandate's digest or its first digits, or None.
        use: What is to be done.
        own: How many of the mandate's uses so far are this very one, which goes on.
    """
    if start is None:
        return Warrant(None, None)
    try:
        named = Mandates(deployment, desk).named(start, use, own=own)
    except UsageError:
        return Warrant(None, NOTHING, use)
    return Warrant(HeldMandate(named.digest, named.signed, named.approvals), named.facts, use)
