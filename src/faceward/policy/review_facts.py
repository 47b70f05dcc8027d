"""The facts that rules on cases may ask for; see `policy.facts`."""

from __future__ import annotations

from collections.abc import Mapping

from faceward.policy import review
from faceward.policy.review_model import Case
from faceward.policy.review_probe import KINDS
from faceward.policy.review_view import sees_everything

Context = Mapping[str, bool | str]


def open_context(kind: str, *, probe_kept: bool) -> Context:
    """Return the context of the action `case.open`.

    Args:
        kind: What the probe is stated to be.
        probe_kept: Its original bytes are at hand, to be kept with the case.
    """
    return {"probe_kept": probe_kept, "probe_original": kind in KINDS}


def answer_context(case: Case, actor: review.Actor) -> Context:
    """Return the context of the action `case.answer`, for an answer that is complete (`review.check_comparisons`)."""
    return {
        "features_recorded": True,
        "score_hidden": not sees_everything(case, actor),
        "first_answer": not review.has_answered(case, actor.name),
    }


def amend_context(case: Case, actor: review.Actor) -> Context:
    """Return the context of the action `case.amend`."""
    return {"own_answer": review.has_answered(case, actor.name), "decided": review.decided(case)}


def show_context() -> Context:
    """Return the context of the action `case.show`."""
    return {}


def decide_context(case: Case) -> Context:
    """Return the context of the action `case.decide`, for an outcome that is complete (`review.concluded`)."""
    return {"answers_sufficient": review.decided(case), "finding_recorded": True}


def delete_context(case: Case | None, actor: review.Actor) -> Context:
    """Return the context of the action `case.delete`.

    Args:
        case: The case; None where its key is destroyed, so that what is left was permitted before.
        actor: Who would delete it.
    """
    return {
        "finding_recorded": case is None or bool(case.outcomes),
        "searched_by_other": case is None or case.search.operator != actor.name,
    }
