"""What was measured of a pack, as parts of documents."""

from __future__ import annotations

from collections.abc import Sequence

from faceward.core.rate_words import measured, rate_text
from faceward.core.rates import Rate
from faceward.documents.content import Block, Bullets, Grid, Pairs, Paragraph
from faceward.documents.facts import EvaluationFacts, GroupFacts

NO_EVALUATION = "No evaluation stands for this pack: how often it errs was not measured."
NO_GROUPS = "No evaluation that is relied on states error rates for groups of people."


def evaluations(found: Sequence[EvaluationFacts]) -> tuple[Block, ...]:
    """Return each evaluation with its data and operating points."""
    blocks = [block for one in found for block in _evaluation(one)]
    return tuple(blocks) or (Paragraph(NO_EVALUATION),)


def _evaluation(one: EvaluationFacts) -> tuple[Block, ...]:
    images, subjects, mated, nonmated = one.counts
    failed = f"{one.failed:,} of {one.attempts:,} pictures"
    whose = "the deployment's own cameras" if one.own else "cameras of others"
    head = Pairs(
        (
            ("Evaluation, SHA-256", one.digest),
            ("Whose", "comes with the pack" if one.shipped else "recorded by people of the deployment"),
            ("Measured on", f"{one.made:%Y-%m-%d}, protocol {one.protocol}"),
            ("Data", f"{one.data}: {images:,} pictures of {subjects:,} people; {one.statement}"),
            ("Ground of use", one.basis),
            ("Pictures", f"{one.camera_class}, by {whose}"),
            ("Comparisons", f"{mated:,} mated, {nonmated:,} non-mated"),
            ("Failures to acquire", failed),
        )
    )
    points = tuple(
        (f"{p.threshold:.4f}{' *' if p.extrapolated else ''}", measured(p.fmr), measured(p.fnmr)) for p in one.points
    )
    searches = tuple(
        (
            f"{p.references:,}" + (f" ({p.simulated:,} simulated)" if p.simulated else ""),
            f"{p.threshold:.4f}",
            measured(p.fpir),
            measured(p.fnir),
            str(p.rank),
        )
        for p in one.searches
    )
    blocks: list[Block] = [head]
    if points:
        blocks.append(Grid(("Threshold#", "FMR#", "FNMR#"), points, widths=(1, 2, 2)))
        blocks.append(Paragraph(_READING + (_STAR if any(p.extrapolated for p in one.points) else "")))
    if searches:
        columns = ("People in the gallery", "Threshold#", "FPIR#", "FNIR#", "Rank#")
        blocks.append(Grid(columns, searches, widths=(2.4, 1.4, 2.4, 2.4, 0.8)))
    return tuple(blocks)


_READING = (
    "FMR: strangers taken for the person. FNMR: people not matched with their own reference. In brackets 95 % "
    "intervals. They hold for pictures and people such as those."
)
_STAR = " * Extrapolated from the tail of the scores."


def groups(found: Sequence[EvaluationFacts]) -> tuple[Block, ...]:
    """Return the errors of groups of people, and how unevenly they fall."""
    blocks = [block for one in found for group in one.groups for block in _group(one, group)]
    return tuple(blocks) or (Paragraph(NO_GROUPS),)


def _group(one: EvaluationFacts, group: GroupFacts) -> tuple[Block, ...]:
    rows = tuple((name, f"{people:,}", _or_too_few(fmr), _or_too_few(fnmr)) for name, people, fmr, fnmr in group.rows)
    said = [
        f"{d.measure.upper()}: highest in the group {d.worst}, {d.ratio.estimate:.2f} times the geometric mean "
        f"({d.ratio.low:.2f} to {d.ratio.high:.2f})."
        for d in group.differentials
    ]
    if group.worst is not None:
        said.append(
            f"At a threshold of {group.worst[0]:.4f} the worst group meets the FMR of all; {rate_text(group.worst[1])} "
            "of people are not recognised there."
        )
    labels = " and ".join(group.attributes)
    return (
        Paragraph(f"By {labels}, as {one.data} labels people, at a threshold of {group.threshold:.4f}:"),
        Grid(("Group", "People#", "FMR#", "FNMR#"), rows, widths=(2.4, 1, 2.4, 2.4)),
        *((Bullets(tuple(said)),) if said else ()),
    )


def _or_too_few(rate: Rate | None) -> str:
    return measured(rate) if rate is not None else "too few people for a claim"
