"""How alerts stand by their cases; what a case said at one of its revisions is not opened again for it."""

from __future__ import annotations

from collections.abc import Collection
from weakref import WeakKeyDictionary

from faceward.core.errors import IntegrityError
from faceward.core.watch_results import AlertState
from faceward.gallery.sqlite import SQLiteStore
from faceward.operations import dismissals
from faceward.operations.alert_store import SUPPRESSED, Kept
from faceward.operations.case_people import actor, locked
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.deployment import Deployment
from faceward.policy.alert_events import OPEN_STATES
from faceward.policy.watching import Reviewed

# More alerts than this at once are looked up among all cases rather than one by one.
_FEW = 200
_MOST = 50_000
# By store and case: the revision that was opened, and what it said. No revision is ever another.
_OPENED: WeakKeyDictionary[SQLiteStore, dict[str, tuple[int, Reviewed]]] = WeakKeyDictionary()


class AlertStates:
    """How alerts stand now, as far as who acts may know (rules H1, H2); for one reading of a list.

    Args:
        deployment: The deployment.
        alerts: Those that are to be told of.
    """

    def __init__(self, deployment: Deployment, alerts: Collection[Kept]) -> None:
        self._deployment, self._store = deployment, CaseStore(deployment)
        self._actor = actor(deployment)
        wanted = {alert.case for alert in alerts if alert.case}
        found = self._store.held() if len(wanted) > _FEW else self._store.named(wanted)
        self._cases = {held.id: held for held in found if held.id in wanted}
        self._gone = deployment.keys.destroyed(held.key for held in self._cases.values())
        self._locked: dict[str, bool] = {}
        self._decided = dismissals.decided(deployment)

    def of(self, alert: Kept) -> AlertState:
        """Return how an alert stands.

        Raises:
            IntegrityError: Its case was altered, or is an older copy of it.
        """
        if alert.state == SUPPRESSED:
            return "suppressed"
        held = self._cases.get(alert.case)
        # A case that is locked leads to nobody (rule P7), and one that was deleted just now neither.
        if held is None or self._is_locked(held.mandate):
            return "waiting"
        return self._reviewed(held).state(self._actor)

    def may_be(self, alert: Kept, state: str) -> bool:
        """Tell whether an alert may stand so; False only where that is known without opening its case."""
        held = self._cases.get(alert.case)
        if state not in OPEN_STATES or held is None or alert.case not in self._decided:
            return True
        return self._is_locked(held.mandate)

    def _is_locked(self, mandate: str) -> bool:
        if mandate not in self._locked:
            self._locked[mandate] = locked(self._deployment, mandate)
        return self._locked[mandate]

    def _reviewed(self, held: Held) -> Reviewed:
        opened = _OPENED.setdefault(self._deployment.store, {})
        known = opened.get(held.id)
        # An older copy that was put back is told, whatever was known of it.
        if known is not None and known[0] == held.revision and held.key not in self._gone:
            return known[1]
        try:
            case = self._store.open(held)
        except IntegrityError:
            # It was changed since it was listed, or somebody altered it, which is told.
            held, case = self._store.read(held.id)
        made = Reviewed.of(case)
        if len(opened) >= _MOST:
            opened.clear()
        opened[held.id] = held.revision, made
        return made
