"""Alerts of cameras: which wait for people, and whom each may be about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.files import optional_output
from faceward.cli.mandate import parse_moment
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say, table
from faceward.cli.words import plural

if TYPE_CHECKING:
    from faceward.core.watch_results import AlertView

_LEAD = "an alert is a lead and no finding: nobody acts on one before two people have confirmed it in its case"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    alerts = group("alert", "Alerts of cameras, which wait for people (rules W5 and H1).")
    alerts.command("list")(command(_list))
    alerts.command("show")(command(_show))
    app.add_typer(alerts)


def _list(
    settings: Settings,
    *,
    state: Annotated[
        Optional[str],
        typer.Option(help="Only those that are waiting, in-review, confirmed, dismissed or suppressed."),
    ] = None,
    camera: Annotated[Optional[str], typer.Option(help="Only those of this camera.")] = None,
    since: Annotated[Optional[str], typer.Option(metavar="WHEN", help="Only those from this day or moment on.")] = None,
    newest: Annotated[
        Optional[int], typer.Option(metavar="N", help="Of these only the N that were raised last.")
    ] = None,
) -> None:
    """List alerts, without anybody's name."""
    moment = None if since is None else parse_moment(since, "--since")
    with settings.open() as system:
        found = system.alerts.list(state=state, camera=camera, since=moment, newest=newest)
    if settings.as_json:
        emit({"alerts": [alert.to_json() for alert in found]})
        return
    table(
        ("alert", "captured", "camera", "branch", "list", "people#", "stands", "case", "flags"),
        [
            (
                alert.alert[:8],
                _moment(alert.captured),
                alert.camera,
                alert.branch,
                alert.gallery,
                alert.matches,
                alert.state,
                (alert.case or "")[:8],
                ", ".join(alert.flags),
            )
            for alert in found
        ],
    )
    waiting = sum(alert.state in ("waiting", "in-review") for alert in found)
    if waiting:
        note(f"{plural(waiting, 'alert')} not decided yet; see 'case show' and 'case answer'")


def _show(
    settings: Settings,
    *,
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The alert, or its first digits.")],
    crop: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Write the picture to this file, PNG.", readable=False)
    ] = None,
) -> None:
    """Show an alert with whom it may be about; that it was looked at is logged."""
    with optional_output(crop) as file, settings.open() as system:
        shown = system.alerts.get(alert)
        if file is not None:
            file.write(system.alerts.crop(shown.alert))
    if settings.as_json:
        emit(shown.to_json())
        return
    _print(shown)
    if crop is not None:
        note(f"wrote the picture to {crop}")


def _print(alert: AlertView) -> None:
    pairs(
        {
            "alert": alert.alert,
            "stands": alert.state,
            "camera": f"{alert.camera}, {alert.branch}" if alert.branch else alert.camera,
            "captured": _moment(alert.captured),
            "list": f"{alert.gallery}, for {alert.purpose}",
            "log entry": alert.entry,
            "case": alert.case,
            "flags": ", ".join(alert.flags) or None,
            "false alerts": f"{1000 * alert.fpir:.3g} in 1,000 tracks of people who are not on the list, "
            f"{alert.expected_false_alerts_per_day:.3g} a day at the traffic of the hour before",
        }
    )
    if alert.candidates:
        table(
            ("candidate#", "subject", "reference", "score#", "result"),
            [
                (one.number, one.subject or "erased", (one.reference or "")[:8], one.score, one.result)
                for one in alert.candidates
            ],
            "It may be about",
        )
    if alert.state != "confirmed":
        say(_LEAD)


def _moment(text: str) -> str:
    return text[:19].replace("T", " ") + " UTC"
