"""Evidence: the evaluations that searches rest on (rules V1, S1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceward.cli import monitoring
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say, table
from faceward.cli.words import one_in, percent

if TYPE_CHECKING:
    from faceward.core.evidence_results import EvidenceView, MeasuredChange

_SHORT = 12
_SEARCH = ("needs FMR#", "in force")
_BOTH = ("search needs FMR#", "in force", "watch needs FMR#", "in force")

Evaluation = Annotated[str, typer.Argument(metavar="DIGEST", help="The evaluation's digest, or its first digits.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    evidence = group("evidence", "The evaluations that searches rest on (rules V1, S1).")
    evidence.command("add")(command(_add))
    evidence.command("list")(command(_list))
    evidence.command("show")(command(_show))
    evidence.command("withdraw")(command(_withdraw))
    monitoring.register(evidence)
    app.add_typer(evidence)


def _add(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What 'faceward evaluate … --out FILE' wrote.", readable=False)
    ],
) -> None:
    """Put an evaluation on record; one that lowers a threshold waits for another person."""
    from faceward.cli.files import read_limited
    from faceward.policy.evaluation_reading import MAX_BYTES

    data = read_limited(file, MAX_BYTES, "evaluation")
    with settings.open() as system:
        changed = system.evidence.add(data, str(file))
    tell(settings, changed, "evaluation on record")


def _withdraw(
    settings: Settings,
    *,
    digest: Evaluation,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it goes to the log.")],
) -> None:
    """Take an evaluation off the record; where that lowers a threshold it waits for another person."""
    with settings.open() as system:
        changed = system.evidence.withdraw(digest, reason)
    tell(settings, changed, "evaluation taken off the record")


def _list(settings: Settings) -> None:
    """List the evaluations, and what each purpose relies on."""
    with settings.open() as system:
        found, purposes = system.evidence.listed(), system.evidence.purposes()
    if settings.as_json:
        emit({"evidence": [one.to_json() for one in found], "purposes": [one.to_json() for one in purposes]})
        return
    columns = ("digest", "state", "data", "subjects#", "camera class", "own", "made", "until", "down to FMR#", "for")
    table(columns, [_row(one) for one in found])
    purposes_table([one.to_json() for one in purposes])


def _row(one: EvidenceView) -> tuple[object, ...]:
    return (
        one.digest[:_SHORT],
        one.state,
        one.data,
        f"{one.subjects:,}",
        one.camera_class,
        one.own,
        one.made[:10],
        one.until[:10],
        one.lowest_fmr,
        ", ".join(one.purposes),
    )


def purposes_table(found: list[Mapping[str, Any]]) -> None:
    """Print what each purpose relies on, and why it may not be searched or watched by where that is so.

    Args:
        found: Objects of `PurposeEvidence.to_json`.
    """
    if not found:
        return
    watched = any(one["watch"] for one in found)
    columns = ("purpose", "camera class", "evaluation", "data", "until", *(_BOTH if watched else _SEARCH))
    table(columns, [_needs(one, watched=watched) for one in found], "Evidence")
    for one in found:
        watch = one["watch"] or {"in_force": True}
        same = not watch["in_force"] and watch["reason"] == one["reason"]
        if not one["in_force"]:
            whom = "nobody is identified and no camera watched" if same else "nobody is identified"
            note(f"{whom} for {one['purpose']!r}: {one['reason']} {one['remedy']}")
        if not watch["in_force"] and not same:
            note(f"no camera is watched for {one['purpose']!r}: {watch['reason']} {watch['remedy']}")


def _needs(one: Mapping[str, Any], *, watched: bool) -> tuple[object, ...]:
    """Return a row: what a purpose relies on, what a search needs of it and, where cameras are watched, a watch."""
    watch = one["watch"]
    more = ((f"{watch['fmr']:.1e}", watch["in_force"]) if watch else (None, None)) if watched else ()
    return (
        one["purpose"],
        one["camera_class"],
        None if one["evaluation"] is None else one["evaluation"][:_SHORT],
        one["data"],
        None if one["until"] is None else one["until"][:10],
        f"{one['fmr']:.1e}",
        one["in_force"],
        *more,
    )


def _show(settings: Settings, *, digest: Evaluation) -> None:
    """Show an evaluation: what was measured, on which data, and how often it errs."""
    with settings.open() as system:
        view, whole = system.evidence.show(digest)
    if settings.as_json:
        emit({**view.to_json(), "whole": whole})
        return
    pairs({name.replace("_", " "): value for name, value in view.to_json().items()}, "Evaluation")
    points: Any = whole["points"]
    table(
        ("threshold#", "FMR#", "95 % interval", "one in#", "FNMR#", "extrapolated"),
        [
            (
                f"{point['threshold']:.4f}",
                f"{point['fmr']['estimate']:.1e}",
                f"{point['fmr']['low']:.1e} to {point['fmr']['high']:.1e}",
                one_in(point["fmr"]["estimate"]) if point["fmr"]["estimate"] else None,
                percent(point["fnmr"]["estimate"]),
                point["extrapolated"],
            )
            for point in points
        ],
        "Operating points",
    )


def tell(settings: Settings, changed: MeasuredChange, done: str) -> None:
    """Say what came of a change that may lower a threshold."""
    if settings.as_json:
        emit(changed.to_json())
        return
    if changed.request is None:
        about = "" if changed.evaluation is None else f" {changed.evaluation[:_SHORT]}"
        say(f"{done}{about}, log entry {changed.entry}")
    else:
        say(f"it lowers a threshold, so that another person decides: request {changed.request}")
        say(f"another person approves it: faceward request approve {changed.request[:_SHORT]} --as NAME --key FILE")
    purposes_table([one.to_json() for one in changed.purposes])
