"""One authorised period of a watch: announced in the log, with the list's key lent while it lasts, and ended there."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from faceward.core.canonical import JSONObject
from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal, UsageError
from faceward.core.watch_results import WatchTerms
from faceward.operations import false_alerts, upkeep, watch_grounds
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.watch_grounds import WATCH, Grounds, WatchRequest

# What speaks of cameras says more than what follows from the same cause for every search.
_FIRST = ("W7", "W6", "W3", "W8")


@dataclass(slots=True)
class Running:
    """A period under way.

    Attributes:
        act: What was authorised; it opens the list.
        terms: On which terms tracks are compared now.
    """

    act: Act
    terms: WatchTerms
    _deployment: Deployment
    _gallery: str
    _stack: ExitStack = field(default_factory=ExitStack)

    def lock(self) -> None:
        """Overwrite what is opened of the list."""
        # A list that is gone has nothing open.
        with suppress(UsageError):
            self._deployment.gallery(self._gallery).lock()

    def end(self, cameras: JSONObject, error: BaseException | None = None) -> None:
        """End it with what was counted; what was opened is overwritten whatever comes.

        Args:
            cameras: What was counted, by camera.
            error: What ended it, if anything did; then nothing is raised where the log cannot be written.
        """
        terms = self.terms
        self.act.outcome.update(
            {
                "cameras": cameras,
                "operating_point": terms.threshold,
                "fpir": terms.fpir,
                "references": terms.references,
                "subjects": terms.subjects,
            }
        )
        try:
            if error is None:
                self._stack.close()
            else:
                # The operation raises it again once its end is recorded; whoever ends the period knows of it.
                with suppress(FacewardError, type(error)):
                    self._stack.__exit__(type(error), error, error.__traceback__)
        finally:
            self.lock()


def begin(deployment: Deployment, desk: Desk, request: WatchRequest) -> Running:
    """Begin a period: authorised and recorded, with the list's key lent by the custodian.

    Raises:
        PolicyRefusal: A rule refuses it, which is logged, or the custodian does.
        UsageError: There is no such list, or no calibration.
        EnvironmentFailure: The log cannot be written, or the custodian does not answer.
    """
    upkeep.expire(deployment, desk)
    # A suspension that was deleted beside the log is made good before anything is compared (rule W4).
    false_alerts.suspend(deployment, desk)
    rests = watch_grounds.grounds(deployment, desk, request)
    watch_grounds.require_list(desk, request, rests)
    happening = watch_grounds.happening(desk, request, rests)
    stack = ExitStack()
    act = stack.enter_context(desk.operation(WATCH, rests.context, happening, rests.named.held))
    with ExitStack() as failing:
        failing.push(stack)
        act.gallery(request.gallery)
        terms = watch_grounds.terms(deployment, rests)
        failing.pop_all()
    return Running(act, terms, deployment, request.gallery, stack)


def still(deployment: Deployment, desk: Desk, request: WatchRequest, *, own: int = 1) -> Grounds:
    """Return what a period under way rests on now, if that lets it go on; a refusal is logged.

    Args:
        deployment: The deployment.
        desk: Where acts are recorded.
        request: What is watched.
        own: How many uses of the mandate are its own.

    Raises:
        PolicyRefusal: It does not.
    """
    rests = watch_grounds.grounds(deployment, desk, request, own=own)
    happening = watch_grounds.happening(desk, request, rests)
    refusals = desk.refusals(WATCH, rests.context, happening)
    if refusals:
        refusal: PolicyRefusal = min(refusals, key=_rank)
        with suppress(EnvironmentFailure):
            desk.deny(happening, refusal)
        raise refusal
    return rests


def _rank(refusal: PolicyRefusal) -> int:
    return _FIRST.index(refusal.rule) if refusal.rule in _FIRST else len(_FIRST)
