"""What an evaluation found, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faceward.cli.output import pairs, say, table
from faceward.cli.words import enumerated, percent, plural
from faceward.core.rate_words import measured
from faceward.core.rates import Rate

if TYPE_CHECKING:
    from faceward.evaluate.outcome import Outcome
    from faceward.policy.evaluation import Evaluation, Fairness

_UNKNOWN = "no claim"


def show(outcome: Outcome) -> None:
    """Print what was measured, and last what the data cannot say."""
    evaluation, details = outcome.evaluation, outcome.details
    _about(evaluation, outcome.kind)
    if evaluation.points:
        _points(evaluation)
    if evaluation.identification:
        _searches(evaluation)
    for one in evaluation.fairness:
        _groups(one)
    for key, printer in _PRINTERS.items():
        if details.get(key):
            printer(details[key])
    _notices(details)


def _about(evaluation: Evaluation, kind: str) -> None:
    data = evaluation.data
    counted = "searches, known / unknown" if kind == "identification" else "mated / non-mated"
    counts = {counted: f"{evaluation.mated:,} / {evaluation.nonmated:,}"}
    pairs(
        {
            "pack": evaluation.pack,
            "data": f"{data.name}, {plural(data.images, 'picture')} of {plural(data.subjects, 'subject')}",
            "ground": f"{data.basis}: {data.statement}",
            "protocol": evaluation.protocol,
            "failures to acquire": f"{evaluation.failed:,} of {evaluation.attempts:,}",
            **(counts if evaluation.mated or evaluation.nonmated else {}),
            "digest": evaluation.digest(),
        },
        "Evaluation",
    )


def _points(evaluation: Evaluation) -> None:
    table(
        ("threshold#", "FMR", "FNMR", "GFAR", "GFRR", "how"),
        [
            (
                f"{point.threshold:.4f}",
                measured(point.fmr),
                measured(point.fnmr),
                measured(point.gfar),
                measured(point.gfrr),
                "extrapolated" if point.extrapolated else "measured",
            )
            for point in evaluation.points
        ],
        "Operating points, with 95 % intervals over subjects",
    )


def _searches(evaluation: Evaluation) -> None:
    table(
        ("references#", "simulated#", "threshold#", "FPIR", "FNIR", "rank#"),
        [
            (
                f"{point.references:,}",
                f"{point.simulated:,}",
                f"{point.threshold:.4f}",
                measured(point.fpir),
                measured(point.fnir),
                point.rank,
            )
            for point in evaluation.identification
        ],
        "Open-set searches, with 95 % intervals over subjects",
    )


def _groups(one: Fairness) -> None:
    table(
        ("group", "subjects#", "FMR within", "FNMR", "note"),
        [
            (
                group.name,
                group.subjects,
                measured(group.fmr) if group.fmr else _UNKNOWN,
                measured(group.fnmr) if group.fnmr else _UNKNOWN,
                group.note,
            )
            for group in one.groups
        ],
        f"Groups by {' and '.join(one.attributes)}, at threshold {one.threshold:.4f}",
    )
    for found in one.differentials:
        ratio = found.ratio
        say(
            f"{found.measure.upper()}: worst is {found.worst}, {ratio.estimate:.2f} times the geometric mean "
            f"({ratio.low:.2f} to {ratio.high:.2f}); Gini {found.gini:.2f}, highest to lowest {found.inequity:.2f}"
        )
    if one.worst_threshold is not None and one.worst_fnmr is not None:
        say(
            f"for the worst group to meet the overall FMR the threshold is {one.worst_threshold:.4f}, "
            f"where the FNMR of all is {percent(one.worst_fnmr)}"
        )


def _templates(rows: Sequence[Mapping[str, Any]]) -> None:
    table(
        ("samples#", "FMR#", "threshold#", "FNMR#"),
        [
            (row["samples"], f"{point['fmr']:g}", f"{point['threshold']:.4f}", percent(point["fnmr"]))
            for row in rows
            for point in row["points"]
        ],
        "Templates of several samples",
    )


def _accuracy(found: Mapping[str, Any]) -> None:
    error = found["standard_error"]
    about = "" if error is None else f" ± {100 * error:.2f} % (standard error over {len(found['folds'])} folds)"
    say(f"accuracy {100 * found['mean']:.2f} %{about}, over {found['pairs']:,} pairs")


def _components(rows: Sequence[Mapping[str, Any]]) -> None:
    table(
        ("component", "mean FNMR#", "FNMR as more is left out"),
        [
            (
                row["name"].replace("_", " "),
                None if row["area"] is None else percent(row["area"]),
                ", ".join(f"{100 * p['discarded']:g} %: {percent(p['fnmr'])}" for p in row["points"]),
            )
            for row in rows
        ],
        "Quality: error versus discard, the most telling first",
    )


def _galleries(rows: Sequence[Mapping[str, Any]]) -> None:
    table(
        ("references#", "simulated#", "searches, known#", "unknown#", "found at rank"),
        [
            (
                f"{row['references']:,}",
                f"{row['simulated']:,}",
                f"{row['mated']:,}",
                f"{row['nonmated']:,}",
                ", ".join(f"{rank['rank']}: {100 * rank['rate']:.1f} %" for rank in row["ranks"]),
            )
            for row in rows
        ],
        "Galleries",
    )


def _detection(found: Mapping[str, Any]) -> None:
    rows = {name: _share(found[name]) for name in ("none", "one", "several")}
    boxes = found["boxes"]
    if boxes:
        rows |= {
            f"recall, {plural(boxes['faces'], 'face')} marked": _share(boxes["recall"]),
            f"precision, overlap {boxes['overlap']:g}": _share(boxes["precision"]),
        }
    pairs({"pictures": found["pictures"], "unreadable": found["unreadable"], **rows}, "Faces found")


def _speed(found: Mapping[str, Any]) -> None:
    total = sum(found["stages"].values()) or 1.0
    stages = {name: f"{ms:.1f} ms, {100 * ms / total:.0f} %" for name, ms in found["stages"].items()}
    pairs(
        {
            "machine": f"{plural(found['cores'], 'core')}, {found['processor']}",
            f"pictures a second, {plural(found['threads'], 'thread')}": f"{found['pictures_per_second']:.1f}",
            f"one picture alone, {found['timed']} timed": f"{total:.1f} ms",
            **stages,
        },
        "Speed",
    )


def _reviewed(found: Mapping[str, Any]) -> None:
    rows = [{**found, "purpose": "all"}, *found["purposes"]]
    table(
        ("purpose", "searches#", "faces#", "alerts#", "false#", "undecided#", "rate", "at worst"),
        [
            (
                row["purpose"],
                *(row[key] for key in ("searches", "faces", "alerts", "false_alerts", "undecided")),
                _share(row["rate"]),
                _share(row["worst"]),
            )
            for row in rows
        ],
        "False alerts that reviewers found",
    )


_PRINTERS: Mapping[str, Callable[[Any], None]] = {
    "templates": _templates,
    "accuracy": _accuracy,
    "components": _components,
    "galleries": _galleries,
    "detection": _detection,
    "speed": _speed,
    "reviewed": _reviewed,
}


def _share(rate: Mapping[str, Any] | None) -> str:
    return _UNKNOWN if rate is None else measured(Rate(**rate))


def _notices(details: Mapping[str, Any]) -> None:
    acquisition = details.get("acquisition") or {}
    if acquisition.get("failed_pictures"):
        say(f"not acquired: {enumerated(acquisition['failed_pictures'])}")
    if acquisition.get("several_faces"):
        say(f"{plural(acquisition['several_faces'], 'picture')} showed several faces; the most prominent was taken")
    for same in acquisition.get("identical", ()):
        say(f"of equal content: {enumerated(same)}")
    for pair in (details.get("tail") or {}).get("suspects", ()):
        say(f"to be looked at, too alike for strangers: {pair['first']} and {pair['second']}")
    if details.get("excluded"):
        say(f"left out by the errata: {plural(details['excluded'], 'picture')}")
    extraction = details.get("extraction") or {}
    if extraction.get("pictures"):
        rate, threads = extraction["pictures_per_second"], plural(extraction["threads"], "thread")
        say(f"features: {plural(extraction['pictures'], 'picture')} at {rate:g} a second with {threads}")
    for sentence in details.get("unsupported", ()):
        say(f"no figure for {sentence}")
