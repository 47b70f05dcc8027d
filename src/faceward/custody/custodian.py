"""The custodian: for a log entry that announces its use, and for nothing else, it gives a gallery's key (rule L2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from faceward.audit.note import Verifier
from faceward.core.errors import BadInput, PolicyRefusal, UsageError
from faceward.custody import changes, uses
from faceward.custody import presentation as checks
from faceward.custody.duties import CREATE, DESTROY, ROTATE, duty_of
from faceward.custody.keyring import Keyring
from faceward.custody.messages import Lease, Presentation
from faceward.custody.protocol import CustodyStatus, Pins
from faceward.custody.standing import LoadTerms, Trust, roster_of
from faceward.custody.state import State, Turn
from faceward.custody.terms import load_terms
from faceward.custody.timing import forward, moment_of, ticks
from faceward.custody.warrant import covering

if TYPE_CHECKING:
    from faceward.core.clock import Clock
    from faceward.custody.presentation import Shown
    from faceward.policy.asking import Approval, SignedRequest
    from faceward.policy.people import Roster
    from faceward.policy.statements import Statement

_PRUNE_EVERY = 256
MOST_TOLD = 2000
"""Most mandates, revoked and used, that a status names, so that it always fits into a message: the latest."""


@dataclass(frozen=True, slots=True)
class _Method:
    """One way to use an entry.

    Attributes:
        mark: What is noted of it: the same entry, gallery and mark never twice. Empty: may be repeated.
        operation: The operation that the entry must announce; empty for any that has a duty.
    """

    mark: str
    operation: str = ""


_RELEASE = _Method("release")
_CREATE = _Method("create", CREATE)
_ROTATE = _Method("rotate", ROTATE)
_RETIRE = _Method("", ROTATE)
_DESTROY = _Method("destroy", DESTROY)


class Custodian:
    """A custodian in this process, or behind a server. Threads may share it; see `Custody` for its methods.

    Build it with `set_up` or `open`, and close it to lock. Several processes may open one state.

    Args:
        state: What it remembers.
        keys: The keys of galleries.
        clock: Where time comes from.
        separate: Whether it runs as a process of its own.
        load_terms: Loads a standard's terms by its name and digest.
    """

    def __init__(
        self,
        state: State,
        keys: Keyring,
        clock: Clock,
        *,
        separate: bool = False,
        load_terms: LoadTerms = load_terms,
    ) -> None:
        self._state = state
        self._keys = keys
        self._clock = clock
        self._separate = separate
        self._load_terms = load_terms
        self._trusted: Trust | None = None
        self._people: tuple[int, Roster] | None = None
        self._admissions = 0

    @classmethod
    def set_up(cls, path: Path, master: bytes, clock: Clock, *, separate: bool = False) -> Self:
        """Set up a custodian that serves nobody yet.

        Args:
            path: Its state, a file that does not exist.
            master: 32 secret bytes, which wrap the keys of galleries and authenticate the state.
            clock: Where time comes from.
            separate: Whether it runs as a process of its own.

        Raises:
            UsageError: The file exists, or the master key is not 32 bytes.
            EnvironmentFailure: The file cannot be written.
        """
        return cls(State.create(path, master), Keyring(master), clock, separate=separate)

    @classmethod
    def open(cls, path: Path, master: bytes, clock: Clock, *, separate: bool = False) -> Self:
        """Open a custodian's state, and check all of it.

        Raises:
            IntegrityError: The file is missing, damaged, altered, or belongs to another master key.
        """
        return cls(State.open(path, master), Keyring(master), clock, separate=separate)

    @property
    def path(self) -> Path:
        """The state's file."""
        return self._state.path

    def close(self) -> None:
        """Forget the master key, and close the file."""
        self._keys.close()
        self._state.close()

    def found(self, pins: Pins) -> None:
        """Take on a deployment; see `Custody.found`."""
        with self._state.turn() as turn:
            if turn.head.origin:
                changes.check_same(changes.pins_of(turn), pins)
                return
            try:
                named = Verifier.from_vkey(pins.vkey).name
            except BadInput as error:
                raise UsageError(f"the log's key cannot be read: {error}") from None
            if not pins.origin or named != pins.origin:
                raise UsageError("the log's key is of another origin; give the key of the deployment's own log")
            terms = self._load_terms(pins.standard, pins.standard_digest)
            changes.pin(turn, pins, terms, self._now(turn))

    def release(self, presentation: Presentation) -> Lease:
        """Give out a gallery's key; see `Custody.release`."""
        with self._admitted(presentation, _RELEASE) as turn:
            key = self._keys.held(turn, presentation.gallery, presentation.key_id)
        return self._lease(turn, key)

    def create(self, presentation: Presentation) -> Lease:
        """Draw a gallery's first key; see `Custody.create`."""
        with self._admitted(presentation, _CREATE) as turn:
            key = self._keys.create(turn, presentation.gallery)
        return self._lease(turn, key)

    def rotate(self, presentation: Presentation) -> Lease:
        """Draw a gallery's next key; see `Custody.rotate`."""
        with self._admitted(presentation, _ROTATE) as turn:
            entry = presentation.proof.index
            key = self._keys.rotate(turn, presentation.gallery, presentation.key_id, entry)
        return self._lease(turn, key)

    def retire(self, presentation: Presentation) -> None:
        """Destroy a gallery's old key; see `Custody.retire`."""
        with self._admitted(presentation, _RETIRE) as turn:
            entry = presentation.proof.index
            gone = self._keys.retire(turn, presentation.gallery, presentation.key_id, entry)
        self._state.wipe(gone)

    def destroy(self, presentation: Presentation) -> None:
        """Destroy every key of a gallery; see `Custody.destroy`."""
        with self._admitted(presentation, _DESTROY) as turn:
            gone = self._keys.destroy(turn, presentation.gallery)
        self._state.wipe(gone)

    def decide(self, signed: SignedRequest, approvals: tuple[Approval, ...]) -> None:
        """Carry out an approved request; see `Custody.decide`."""
        with self._state.turn() as turn:
            # Only a restart takes the clock as it is.
            restart = signed.request.kind == changes.RESTART
            now = self._clock.now() if restart else self._now(turn)
            changes.decide(turn, (signed, approvals), self._trust(turn), now)
            if not restart:
                turn.head = replace(turn.head, clock=ticks(now))

    def revoke(self, statement: Statement, mandate: SignedRequest | None = None) -> None:
        """Revoke a mandate; see `Custody.revoke`."""
        with self._state.turn() as turn:
            changes.revoke(turn, statement, mandate, self._trust(turn), self._now(turn))

    def stop(self, statement: Statement | None = None) -> None:
        """Stop recognition; see `Custody.stop`."""
        with self._state.turn() as turn:
            # A wrong clock must not keep anybody from stopping.
            changes.stop(turn, statement, roster_of(turn), self._clock.now())

    def status(self) -> CustodyStatus:
        """Say what it knows; see `Custody.status`."""
        with self._state.turn() as turn:
            head = turn.head
            return CustodyStatus(
                pins=changes.pins_of(turn) if head.origin else None,
                size=head.size,
                root=bytes.fromhex(head.root),
                roster=self._roster(turn),
                manned=head.manned,
                stopped=head.stopped,
                revoked=frozenset(uses.latest(turn.all(changes.REVOKED), MOST_TOLD)),
                spent=uses.last_spent(turn, MOST_TOLD),
                separate=self._separate,
            )

    @contextmanager
    def _admitted(self, presentation: Presentation, method: _Method) -> Iterator[Turn]:
        """Check a presentation, note its use, and run a block; all of it is durable at the end, or undone."""
        with self._state.turn() as turn:
            trust, now, proof = self._trust(turn), self._now(turn), presentation.proof
            head = turn.head
            # 1. The log's key signed the checkpoint, and the log continues what was seen of it.
            checkpoint = checks.check_history(proof, trust.verifier, (head.size, bytes.fromhex(head.root)))
            # 2. The log holds the entry; the details shown are the entry's, and name this gallery.
            shown = checks.check_entry(presentation, checkpoint)
            # 3. The entry is of now, and was not used for this before.
            duty = duty_of(shown.entry.operation)
            if method.operation not in ("", shown.entry.operation):
                raise PolicyRefusal(
                    "L2", f"the log entry does not announce {method.operation!r}.", "Repeat the operation."
                )
            if method.mark:
                checks.check_fresh(shown.entry, now)
                uses.check_unused(turn, proof.index, presentation.gallery, method.mark)
            # 4. Who acts signed in, may do this, and is who the entry names.
            if len(trust.roster) or trust.terms.sign_in:
                self._check_person(presentation, shown, trust, now)
            # 5. A mandate covers it, where the standard asks for one.
            mandate = covering(turn, presentation, shown, trust, now) if method.mark else ""
            # 6. Recognition is not stopped.
            if duty.recognises and head.stopped:
                raise PolicyRefusal("W7", "recognition is stopped.", "Let two people restart it: 'faceward restart'.")
            # 7. Note the use; durable before anything is given out.
            if method.mark:
                uses.note(turn, (proof.index, presentation.gallery, method.mark), mandate, shown.entry.time)
            if self._admissions % _PRUNE_EVERY == 0:
                uses.prune(turn, now)
            self._admissions += 1
            turn.head = replace(turn.head, size=checkpoint.size, root=checkpoint.root.hex(), clock=ticks(now))
            yield turn

    def _check_person(self, presentation: Presentation, shown: Shown, trust: Trust, now: datetime) -> None:
        session = presentation.authority.session
        if session is None:
            raise PolicyRefusal("S2", "nobody signed in.", "Sign in, with --as NAME --key FILE.")
        checks.check_person(trust.person(session, now), presentation, shown, duty_of(shown.entry.operation))

    def _trust(self, turn: Turn) -> Trust:
        trusted = self._trusted
        if trusted is None or trusted.generation != turn.head.generation:
            trusted = self._trusted = Trust(turn, self._load_terms)
        return trusted

    def _roster(self, turn: Turn) -> Roster:
        if self._people is None or self._people[0] != turn.head.generation:
            self._people = turn.head.generation, roster_of(turn)
        return self._people[1]

    def _now(self, turn: Turn) -> datetime:
        return forward(self._clock.now(), moment_of(turn.head.clock))

    def _lease(self, turn: Turn, key: tuple[str, bytes]) -> Lease:
        return Lease(*key, self._trust(turn).terms.lease.total_seconds(), turn.head.size)
