"""References that bring about false alerts (rule W4): what counts, and what begins the count anew. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject
from faceward.core.errors import IntegrityError
from faceward.policy.strict import Table
from faceward.policy.verdicts import INCORRECT

MOST = 2
"""So many false alerts suspend a reference."""


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """The false alerts that a reference brought about since it was released last.

    Attributes:
        owner: What stands for its subject.
        pictures: What stands for each picture in which it was found to be nobody's; the same picture counts once.
    """

    owner: str
    pictures: frozenset[str] = frozenset()

    @property
    def suspends(self) -> bool:
        """Whether they are as many as suspend it."""
        return len(self.pictures) >= MOST

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {"owner": self.owner, "pictures": sorted(self.pictures)}

    @classmethod
    def from_json(cls, value: object) -> FalseAlerts:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "false alerts of a reference", IntegrityError)
        table.only(("owner", "pictures"))
        return cls(table.text("owner"), frozenset(table.names("pictures")))


Counted = Mapping[str, FalseAlerts]
"""By reference."""


def are_false(accuracy: str, stated: int | None, result: str) -> bool:
    """Tell whether a finding says of a candidate that they are not whom the picture shows.

    Args:
        accuracy: What the finding says of the whole list.
        stated: Of how many faces it says so; None where of all.
        result: What the review made of the candidate.
    """
    # Where some faces were right, those whom reviewers took for a lead may be the right ones.
    return accuracy == INCORRECT and (stated is None or result != "actionable-lead")


def found(counted: Counted, owner: str, references: Iterable[str], picture: str) -> Counted:
    """Return the count after a false alert of a subject, whose references made the candidate.

    What a later finding says takes nothing back: a person who looks at the reference does.
    """
    new = dict(counted)
    for reference in references:
        old = new.get(reference) or FalseAlerts(owner)
        new[reference] = replace(old, pictures=old.pictures | {picture})
    return new


def released(counted: Counted, *, references: Collection[str] = (), owner: str | None = None) -> Counted:
    """Return the count after somebody released references, or all of a subject's: they begin anew."""
    return {name: one for name, one in counted.items() if name not in references and one.owner != owner}


def suspends(counted: Counted) -> tuple[str, ...]:
    """Return the references that are to be suspended, in their order."""
    return tuple(sorted(name for name, one in counted.items() if one.suspends))
