"""What channels are to be told of alerts: read anew where log and gallery.db have changed, by whichever process."""

from __future__ import annotations

from datetime import datetime, timedelta

from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError
from faceward.operations import alert_store, monitoring
from faceward.operations.cameras import Cameras
from faceward.operations.case_people import locked
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.policy.alert_events import OPEN_STATES, WAITING, Board, Fact, Rate
from faceward.policy.rules import Principal
from faceward.policy.watching import state_of

# An entry that closes an act comes after what the act changed, but a process may be killed between.
_AFRESH = timedelta(seconds=10)
# Time alone locks a case (rule P7), also where nothing has changed.
_ANYWAY = timedelta(minutes=1)
# The rate moves slowly, and counting reads the log.
_RATES_EVERY = timedelta(minutes=1)
# To whom a case shows what it shows to everybody: not how many have answered (rule H2).
_NOBODY = Principal("")


class AlertFacts:
    """The alerts of a deployment as far as they may leave, without a subject; see `outbox.Source`.

    Args:
        deployment: The deployment.
        desk: Where its records are.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self._cases, self._cameras = CaseStore(deployment), Cameras(deployment, desk)
        self._size, self._looked_at = -1, deployment.now()
        self._seen: tuple[int, int] | None = None
        self._read_at = deployment.now()
        self._facts: tuple[Fact, ...] = ()
        # By case: the revision that was read, and what it said.
        self._states: dict[str, tuple[int, str]] = {}
        self._rates: tuple[Rate, ...] = ()
        self._rates_at: datetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        """Return the alerts that were raised, in the order in which they were; one that was suppressed is told nobody.

        Raises:
            IntegrityError: A document was altered.
        """
        # Before it is read, so that what comes meanwhile is read next time.
        size, seen, now = self._deployment.log.size, self._deployment.store.state(), self._deployment.now()
        if size != self._size or not timedelta(0) <= now - self._looked_at < _AFRESH:
            if seen != self._seen or not timedelta(0) <= now - self._read_at < _ANYWAY:
                self._facts = self._read()
                self._read_at = now
            self._size, self._seen, self._looked_at = size, seen, now
        return self._facts

    def board(self) -> Board:
        """Return how cameras and rates stand now.

        Raises:
            IntegrityError: A document was altered.
        """
        facts = self.facts()
        cameras = {*(camera.name for camera in self._cameras.list()), *(fact.camera for fact in facts)}
        waiting = tuple(fact for fact in facts if fact.state in OPEN_STATES)
        return Board(tuple(sorted(cameras)), waiting, self._counted())

    def _read(self) -> tuple[Fact, ...]:
        kept = [alert for alert in alert_store.listed(self._deployment) if alert.state == alert_store.RAISED]
        held = {one.id: one for one in self._cases.held()} if kept else {}
        places = {camera.name: camera.place for camera in self._cameras.list()} if kept else {}
        self._states = {case: known for case, known in self._states.items() if case in held}
        return tuple(self._fact(alert, held[alert.case], places) for alert in kept if alert.case in held)

    def _fact(self, alert: alert_store.Kept, held: Held, places: dict[str, str]) -> Fact:
        known = {
            "place": places.get(alert.camera, ""),
            "branch": alert.branch,
            "gallery": alert.gallery,
            "purpose": alert.purpose,
        }
        return Fact(
            alert=alert.id,
            entry=alert.entry,
            camera=alert.camera,
            captured=to_rfc3339(alert.captured),
            fpir=float(f"{alert.fpir:.3g}"),
            state=self._state(held),
            flags=alert.flags,
            details={name: text for name, text in known.items() if text},
        )

    def _state(self, held: Held) -> str:
        # A case that is locked leads to nobody (rule P7).
        if held.mandate and locked(self._deployment, held.mandate):
            return WAITING
        revision, state = self._states.get(held.id, (0, ""))
        if revision != held.revision:
            try:
                case = self._cases.open(held)
            except IntegrityError:
                # Another process may have changed it since it was listed.
                held, case = self._cases.read(held.id)
            state = state_of(case, _NOBODY)
            self._states[held.id] = (held.revision, state)
        return state

    def _counted(self) -> tuple[Rate, ...]:
        now = self._deployment.now()
        if self._rates_at is None or not timedelta(0) <= now - self._rates_at < _RATES_EVERY:
            found = monitoring.counts(self._deployment, self._desk.journal).purposes
            self._rates = tuple(
                Rate(
                    purpose=name,
                    rate=count.process.false_alerts / count.process.faces,
                    accepted=monitoring.accepted_rate(self._deployment, name),
                    halted=count.breach is not None,
                )
                for name, count in sorted(found.items())
                if count.process.faces
            )
            self._rates_at = now
        return self._rates
