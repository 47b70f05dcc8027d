"""Authorise → record → release key → act → record outcome: the one way through which anything happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import FacewardError, PolicyRefusal
from faceward.core.names import printable
from faceward.gallery.search import Gallery
from faceward.operations import last_known
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening, Journal, Kept
from faceward.operations.release import HeldMandate, Releaser
from faceward.operations.standing import require_pinned, standing, witnessed
from faceward.operations.witness_watch import Watch
from faceward.policy.facts import Context
from faceward.policy.rules import Grant, Principal, Request


@dataclass(slots=True)
class Act:
    """An operation that was authorised and recorded, and may now act.

    Attributes:
        kept: The log entry that announced it.
        outcome: What its closing entry will say.
        subjects: For each subject concerned, what the closing entry will say.
    """

    kept: Kept
    _releaser: Releaser
    _mandate: HeldMandate | None = None
    outcome: dict[str, JSONValue] = field(default_factory=dict)
    subjects: dict[str, JSONObject] = field(default_factory=dict)
    _opened: dict[str, Gallery] = field(default_factory=dict)
    _holds: ExitStack = field(default_factory=ExitStack)
    # The custodian takes an entry for a gallery once, so that of several threads one shows it.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def entry(self) -> int:
        """Index of the log entry that announced it."""
        return self.kept.index

    def gallery(self, name: str) -> Gallery:
        """Open a gallery that the entry names: the custodian lends its key for as long as the operation lasts.

        Threads may share it.

        Raises:
            PolicyRefusal: The custodian refuses (rules L2, P2, K2, W7).
            UsageError: There is none of this name.
        """
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._holds.enter_context(self._releaser.opened(self.kept, name, self._mandate))
            return self._opened[name]

    def create_gallery(self, name: str, purpose: str) -> None:
        """Create the gallery that the entry names, under a key that the custodian draws."""
        self._releaser.create(self.kept, name, purpose)

    def rotate(self, name: str) -> int:
        """Give a gallery another key and rewrap its subjects' keys; return how many."""
        return self._releaser.rotate(self.kept, name)

    def end(self) -> None:
        """Give back every key that was lent."""
        self._opened.clear()
        self._holds.close()


class Desk:
    """Where operations are authorised and recorded."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._releaser = Releaser(deployment)
        self._watch = Watch()
        self.journal = Journal(deployment)

    def acting(self, view: Deployment) -> Desk:
        """Return a desk for another person who acts in the same deployment; what costs time to find out is shared."""
        desk = Desk(view)
        desk._watch, desk.journal.members = self._watch, self.journal.members
        return desk

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
        try:
            status = last_known.status(deployment, patient=action in last_known.PATIENT)
            require_pinned(deployment, action, status)
            present, conditions = standing(deployment, status, self._watch)
            return deployment.rules.authorise(Request(principal or present, action, conditions, facts))
        except PolicyRefusal as refusal:
            told = self._explained(refusal, happening)
            self.deny(happening, told)
            raise told from None

    def refusals(self, action: str, facts: Context, happening: Happening) -> tuple[PolicyRefusal, ...]:
        """Return what would refuse an act now, all of it and in words; nothing is done, and nothing is recorded."""
        deployment = self._deployment
        found: list[PolicyRefusal] = []
        try:
            status = last_known.status(deployment, patient=False)
            require_pinned(deployment, action, status)
        except PolicyRefusal as refusal:
            return (refusal,)
        present, conditions = standing(deployment, status, self._watch)
        found.extend(deployment.rules.refusals(Request(present, action, conditions, facts)))
        return tuple(self._explained(refusal, happening) for refusal in found)

    def _explained(self, refusal: PolicyRefusal, happening: Happening) -> PolicyRefusal:
        if refusal.rule != "L3":
            return PolicyRefusal(refusal.rule, *happening.told.get(refusal.rule, (refusal.reason, refusal.remedy)))
        return PolicyRefusal(refusal.rule, f"{witnessed(self._deployment, self._watch).reason}.", "Then repeat.")

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

    def announced(self, happening: Happening, mandate: HeldMandate | None = None) -> Happening:
        """Add to what an entry will say what the custodian looks for in it: who signed in, and the mandate."""
        session = self._deployment.session
        details = {
            **happening.details,
            "session": session.signed.session.digest() if session else None,
            "mandate": mandate.digest if mandate else None,
        }
        return replace(happening, details=details)

    @contextmanager
    def operation(
        self,
        action: str,
        facts: Context,
        happening: Happening,
        mandate: HeldMandate | None = None,
        *,
        principal: Principal | None = None,
    ) -> Iterator[Act]:
        """Carry out an operation.

        1. Authorise: the standard's rules decide on the facts.
        2. Record that it begins; durable before anything else happens.
        3. Release: the act can ask the custodian for keys from here on, with the entry as its ticket.
        4. Act: the caller's block.
        5. Record the outcome, also when it failed.

        Args:
            action: Name of the action in the standard's rules.
            facts: What the rules ask for.
            happening: What the entries say; `gallery` or `galleries` in its details name what may be opened.
            mandate: The mandate that it rests on, where there is one.
            principal: Who decides where a signature of their own shows it; whoever acts if None.

        Raises:
            PolicyRefusal: It is not allowed; the refusal was logged.
        """
        grant = self.authorise(action, facts, happening, principal=principal)
        announced = self.announced(happening, mandate)
        details = {**announced.details, "standard": grant.digest}
        [begun] = self.journal.write(Phase.BEGIN, [replace(announced, details=details)])
        act = Act(begun, self._releaser, mandate)
        try:
            yield act
        except BaseException as error:
            act.end()
            # What a picture's failure says may name the picture, so it is the subjects' and goes with them.
            about: JSONObject = {"message": _message(error)}
            act.subjects.update((subject, about) for subject in happening.subjects)
            self.close(happening.operation, act, failure=error)
            raise
        act.end()
        self.close(happening.operation, act)

    def act(self, kept: Kept) -> Act:
        """Return the act that an entry has announced, for operations that keep the order of the steps themselves."""
        return Act(kept, self._releaser)

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
