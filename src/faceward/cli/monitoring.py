"""The running rate of false alerts, and the outcomes that an evaluation can be made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from faceward.cli.files import optional_output
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.words import one_in, percent, plural

_COLUMNS = ("purpose", "faces#", "alerts#", "correct#", "false#", "undetermined#", "undecided#", "rate#", "at least#")
_WAIT = "identification waits for a new evaluation"


def register(evidence: typer.Typer) -> None:
    """Add the command to the group of evidence."""
    evidence.command("monitoring")(command(_monitoring))


def _monitoring(
    settings: Settings,
    *,
    out: Annotated[
        Optional[Path],
        typer.Option(
            "--out", "-o", help="Write each search's outcome to this file, JSON lines, for 'evaluate'.", readable=False
        ),
    ] = None,
) -> None:
    """Say how often searches were found to be wrong, and whether that is more than was accepted."""
    with optional_output(out) as file, settings.open() as system:
        rows, written = system.monitoring.purposes(), None
        if file is not None:
            outcomes = system.monitoring.outcomes()
            file.write("".join(f"{_line(outcome)}\n" for outcome in outcomes))
            written = len(outcomes)
    if settings.as_json:
        emit({"purposes": rows, "written": written})
        return
    _print(rows)
    if written is not None:
        note(f"wrote the outcomes of {plural(written, 'picture')} to {out}")


def _line(outcome: Mapping[str, Any]) -> str:
    import json

    return json.dumps(outcome, ensure_ascii=False, separators=(",", ":"))


def _print(rows: list[dict[str, Any]]) -> None:
    table(_COLUMNS, [_cells(row) for row in rows])
    for row in rows:
        for sentence in sentences(row):
            say(sentence)


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    counts = ("faces", "alerts", "correct", "incorrect", "undetermined", "undecided")
    rate = None if row["rate"] is None else percent(row["rate"])
    return (row["purpose"], *(f"{row[name]:,}" for name in counts), rate, percent(row["low"]))


def sentences(row: Mapping[str, Any]) -> list[str]:
    """Say of a purpose what was accepted and what the findings say of it."""
    purpose, accepted = repr(row["purpose"]), one_in(row["accepted"])
    if row["breached"]:
        moment = row["breached"][:16].replace("T", " ")
        first = f"{purpose}: more false alerts than the accepted {accepted} faces: breached {moment} UTC; {_WAIT}"
    else:
        first = (
            f"{purpose}: accepted is a false alert for {accepted} faces; after {plural(row['faces'], 'face')} since "
            f"{row['since'][:10]} the e-value is {row['evalue']:.3g}, and {row['limit']:g} would be a breach"
        )
    unknown = row["undetermined"] + row["undecided"]
    if not unknown:
        return [first]
    worst = f"the rate would be {percent(row['worst_rate'])}{', a breach' if row['in_doubt'] else ''}"
    return [
        first,
        f"  nobody found out of {plural(unknown, 'alert')} whether they were false; were they all, {worst}",
    ]


def tell_breaches(found: object) -> None:
    """Say, beside a status, which purposes are suspended for too many false alerts."""
    for purpose, moment in found.items() if isinstance(found, Mapping) else ():
        note(
            f"too many false alerts for {purpose!r} ({str(moment)[:16].replace('T', ' ')} UTC): {_WAIT}; "
            "see 'evidence monitoring'"
        )
