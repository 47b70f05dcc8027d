"""Authorise → record → release key → act → record outcome: the one way through which anything happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.core.names import printable
from faceward.gallery.search import Gallery
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening, Journal, Kept
from faceward.policy.facts import Context
from faceward.policy.rules import Conditions, Grant, Principal, Request


@dataclass(slots=True)
class Act:
    """An operation that was authorised and recorded, and may now act.

    Attributes:
        entry: Index of the log entry that announced it.
        outcome: What its closing entry will say.
        subjects: For each subject concerned, what the closing entry will say.
    """

    entry: int
    _deployment: Deployment
    outcome: dict[str, JSONValue] = field(default_factory=dict)
    subjects: dict[str, JSONObject] = field(default_factory=dict)

    def gallery(self, name: str) -> Gallery:
        """Release a gallery: only a recorded operation can reach one.

        Raises:
            UsageError: There is none of this name.
        """
        return self._deployment.gallery(name)


class Desk:
    """Where operations are authorised and recorded."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.journal = Journal(deployment)

    def authorise(
        self, action: str, facts: Context, happening: Happening, *, principal: Principal | None = None
    ) -> Grant:
        """Ask the standard's rules; a refusal is logged, then raised (rule P1).

        Args:
            action: What is to be done.
            facts: What the rules ask for.
            happening: What the log says of it.
            principal: Who decides where a signature of their own shows it; whoever acts if None.

        Raises:
            PolicyRefusal: A rule forbids it, or none allows it.
        """
        deployment = self._deployment
        # Nobody is registered yet, no custodian runs apart and no witness is kept: each is said to be missing.
        conditions = Conditions(
            jurisdiction=deployment.jurisdiction.code,
            sign_in_required=False,
            stopped=False,
            custodian_separate=False,
            log_witnessed=False,
        )
        request = Request(principal or Principal(deployment.operator), action, conditions, facts)
        try:
            return deployment.rules.authorise(request)
        except PolicyRefusal as refusal:
            self.deny(happening, refusal)
            raise

    def deny(self, happening: Happening, refusal: PolicyRefusal) -> None:
        """Record a refusal."""
        details = {**happening.details, "rule": refusal.rule, "reason": refusal.reason}
        self.journal.write(Phase.DENIED, [replace(happening, details=details, parts={})])

    def unknown(self, happening: Happening) -> None:
        """Record that somebody asked about a subject or gallery that does not exist; it says who is not enrolled."""
        # A subject of whom nothing is held gets no key of their own, so the name is kept as its keyed digest.
        names = [self._deployment.pseudonym(subject).hex() for subject in happening.subjects]
        details = {**happening.details, "reason": "nothing is held under that name", "pseudonyms": names}
        self.journal.write(Phase.DENIED, [Happening(happening.operation, details)])

    @contextmanager
    def operation(
        self, action: str, facts: Context, happening: Happening, *, principal: Principal | None = None
    ) -> Iterator[Act]:
        """Carry out an operation.

        1. Authorise: the standard's rules decide on the facts.
        2. Record that it begins; durable before anything else happens.
        3. Release: the act can reach galleries and keys from here on.
        4. Act: the caller's block.
        5. Record the outcome, also when it failed.

        Raises:
            PolicyRefusal: It is not allowed; the refusal was logged.
        """
        grant = self.authorise(action, facts, happening, principal=principal)
        details = {**happening.details, "standard": grant.digest}
        [begun] = self.journal.write(Phase.BEGIN, [replace(happening, details=details)])
        act = Act(begun.index, self._deployment)
        try:
            yield act
        except BaseException as error:
            # What a picture's failure says may name the picture, so it is the subjects' and goes with them.
            about: JSONObject = {"message": _message(error)}
            act.subjects.update((subject, about) for subject in happening.subjects)
            self.close(happening.operation, act, failure=error)
            raise
        self.close(happening.operation, act)

    def close(self, operation: str, act: Act, *, failure: BaseException | None = None, keep: bool = True) -> Kept:
        """Record an operation's outcome."""
        outcome: Mapping[str, JSONValue] = act.outcome
        if failure is not None:
            # Other messages name files, which may be named after a subject: they are under the subjects' keys alone.
            text = _message(failure) if isinstance(failure, PolicyRefusal) else ""
            outcome = {**act.outcome, "failed": type(failure).__name__, "message": text}
        happening = Happening(operation, outcome, act.subjects)
        [kept] = self.journal.write(Phase.END, [happening], [act.entry], keep=keep)
        return kept


def _message(error: BaseException) -> str:
    # Only our own messages are kept: another library's may hold anything.
    return printable(str(error)) if isinstance(error, FacewardError) else ""
