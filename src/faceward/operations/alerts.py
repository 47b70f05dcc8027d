"""Alerts as people work with them: which there are, how they stand, and whom each may be about (rules H1, H2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from faceward.core.errors import UsageError
from faceward.core.names import normal_name
from faceward.core.watch_results import ALERT_STATES, AlertCandidate, AlertView
from faceward.operations import alert_store, case_reading
from faceward.operations.alert_states import AlertStates
from faceward.operations.case_people import actor
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.policy.review_view import require_reader


class Alerts:
    """The alerts of an open deployment. Methods raise as those of `System` do, and take an identifier's first digits.

    An alert is about nobody until two people have confirmed it in its case; see `System.cases`.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def list(
        self,
        state: str | None = None,
        camera: str | None = None,
        since: datetime | None = None,
        newest: int | None = None,
    ) -> tuple[AlertView, ...]:
        """Return alerts without anybody's name, in the order in which they were raised.

        Args:
            state: Only those that stand so; one of `ALERT_STATES`.
            camera: Only those of this camera.
            since: Only those that were captured then or later, timezone-aware.
            newest: Of all these only so many, those that were raised last; at least 1.

        Raises:
            UsageError: There is no such state, or the number is out of range.
            PolicyRefusal: The person has no business with cases (H1).
        """
        if state is not None and state not in ALERT_STATES:
            raise UsageError(f"an alert is never {state[:40]!r}; give one of {', '.join(ALERT_STATES)}")
        if newest is not None and newest < 1:
            raise UsageError(f"{newest} alerts cannot be listed; give a number from 1")
        require_reader(actor(self._deployment))
        wanted = None if camera is None else normal_name(camera)
        found = [
            kept
            for kept in alert_store.listed(self._deployment)
            if wanted in (None, kept.camera) and (since is None or kept.captured >= since)
        ]
        if newest is not None and state is None:
            found = found[-newest:]
        states = AlertStates(self._deployment, found)
        views = (
            alert_store.shown(kept, states.of(kept)) for kept in found if state is None or states.may_be(kept, state)
        )
        shown = tuple(view for view in views if state in (None, view.state))
        return shown if newest is None else shown[-newest:]

    def get(self, alert: str) -> AlertView:
        """Return an alert with whom it may be about, as far as who asks may know; that its case was read is logged.

        Raises:
            UsageError: There is no such alert.
            PolicyRefusal: The case is locked (P7), or the person has no business with it (H1).
        """
        kept = alert_store.find(self._deployment, alert)
        require_reader(actor(self._deployment))
        if not kept.case:
            return alert_store.shown(kept, "suppressed")
        told = case_reading.shown(self._deployment, self._desk, kept.case)
        rows = told["candidates"]
        candidates = tuple(_candidate(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return replace(alert_store.shown(kept, AlertStates(self._deployment, (kept,)).of(kept)), candidates=candidates)

    def crop(self, alert: str) -> bytes:
        """Return the picture of an alert, PNG, in which the faces of others are hidden; that it was seen is logged.

        Raises:
            UsageError: There is no such alert, or it was suppressed, so that no picture was kept.
            PolicyRefusal: See `get`.
        """
        kept = alert_store.find(self._deployment, alert)
        if not kept.case:
            raise UsageError("no picture was kept of an alert that was suppressed")
        held, case, _ = case_reading.reading(self._deployment, self._desk, kept.case, "case.picture")
        return CaseStore(self._deployment).picture(held, case.versions[0].sha256)


def _candidate(row: Mapping[str, object]) -> AlertCandidate:
    number, score = row["number"], row["score"]
    subject, reference, result = (row[name] for name in ("subject", "reference", "result"))
    return AlertCandidate(
        number if isinstance(number, int) else 0,
        subject if isinstance(subject, str) else None,
        reference if isinstance(reference, str) else None,
        float(score) if isinstance(score, int | float) else None,
        result if isinstance(result, str) else None,
    )
