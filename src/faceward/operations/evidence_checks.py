"""What an evaluation must be before anybody is asked whether it goes on record (rules V1, S1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from faceward.core.clock import to_rfc3339
from faceward.core.errors import BadInput, UsageError
from faceward.operations import monitoring, purposes
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import searched_fmr, voided
from faceward.operations.thresholds import of_evaluation
from faceward.policy.evidence import Candidate, choose
from faceward.policy.stated_rates import extent, supports

AHEAD = timedelta(minutes=5)
"""How far clocks may differ."""


def check(deployment: Deployment, candidate: Candidate, pool: Sequence[Candidate]) -> None:
    """Check that an evaluation can serve.

    Args:
        deployment: The deployment.
        candidate: The evaluation.
        pool: Those that the deployment could rely on without it.

    Raises:
        BadInput: It is dated ahead; of a pack that is not in use, where it would wait until nobody looks; of templates
            of several samples, whose scores stray less; states fewer than two rates, or not those of a purpose that
            would rely on it; or is a measurement that a breach voided.
    """
    evaluation, pack = candidate.evaluation, deployment.pipeline.identifier
    if evaluation.made > deployment.now() + AHEAD:
        raise BadInput(f"made on {to_rfc3339(evaluation.made)[:16]}, which lies ahead; set the clock right")
    if evaluation.pack != pack:
        raise BadInput(f"it is of the pack {evaluation.pack}, and {pack} is in use; evaluate that")
    if evaluation.template != 1:
        raise BadInput(
            f"it compares templates of {evaluation.template} samples, and a threshold is that of single ones; "
            "evaluate with a protocol that compares single pictures"
        )
    try:
        of_evaluation(evaluation)
    except UsageError as error:
        raise BadInput(str(error)) from None
    after = (*pool, candidate)
    least, most = extent(evaluation)
    for purpose in purposes.listed(deployment):
        chosen = choose(after, pack, purpose.camera_class)
        rates = (purpose.fmr, searched_fmr(purpose, 1))
        relied = chosen is not None and chosen.digest == candidate.digest
        if relied and not all(supports(evaluation, rate) for rate in rates):
            raise BadInput(
                f"it states rates from {least:.1e} to {most:.1e}, and the purpose {purpose.name!r} needs "
                f"{min(rates):.1e} to {max(rates):.1e}; evaluate with those rates (--rates)"
            )
        breach = monitoring.breached(deployment, purpose.name)
        if breach is not None and voided(deployment, candidate, pool, breach):
            raise BadInput(
                f"it is the measurement that findings of {to_rfc3339(breach)[:10]} made void, under another date; "
                "evaluate anew on pictures taken since"
            )
