"""Cases of review: the probe, the candidates, the reviewers' answers, the finding."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.case_print import print_case, rows_of
from faceward.cli.files import read_limited
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, print_text, say, table
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.operations.case_desk import Cases
    from faceward.policy.review_model import Comparison

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case, or its first digits.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cases = group("case", "Cases of review: two trained reviewers answer blind, and a lead stays a lead.")
    cases.command("open")(command(_open))
    cases.command("list")(command(_list))
    cases.command("show")(command(_show))
    edits = group("edit", "Edits of a case's probe.")
    edits.command("add")(command(_edit_add))
    cases.add_typer(edits)
    cases.command("sample")(command(_sample))
    cases.command("answer")(command(_answer))
    cases.command("score")(command(_score))
    cases.command("outcome")(command(_outcome))
    cases.command("export")(command(_export))
    cases.command("delete")(command(_delete))
    app.add_typer(cases)


def _open(
    settings: Settings,
    *,
    image: Annotated[Path, typer.Argument(help="The very file that was searched with.", readable=False)],
    search: Annotated[int, typer.Option(min=0, metavar="ENTRY", help="Log entry of the identification.")],
    kind: Annotated[
        str, typer.Option(help="What it is: photograph or frame; composite, sketch and generated are refused.")
    ],
) -> None:
    """Open a case for an identification that was made."""
    with settings.open() as system:
        shown = system.cases.open(image, search=search, kind=kind)
    print_case(settings, shown)


def _list(settings: Settings) -> None:
    """List all cases."""
    with settings.open() as system:
        rows: list[dict[str, Any]] = [dict(row) for row in system.cases.listed()]
    if settings.as_json:
        emit({"cases": rows})
        return
    table(
        ("case", "stands", "gallery", "purpose", "candidates#", "opened", "deleted by", "your answer", "finding"),
        [
            (
                row["case"][:8],
                row["phase"],
                row["gallery"],
                row["purpose"],
                row["candidates"],
                row["opened"][:10],
                row["expires"][:10],
                "wanted" if row["may_answer"] else None,
                "wanted" if row["finding_wanted"] else None,
            )
            for row in rows
        ],
    )


def _show(settings: Settings, case: CaseArgument) -> None:
    """Show what you may see of a case."""
    with settings.open() as system:
        shown = system.cases.show(case)
    print_case(settings, shown)


def _edit_add(
    settings: Settings,
    *,
    case: CaseArgument,
    image: Annotated[Path, typer.Argument(help="The edited picture.", readable=False)],
    change: Annotated[str, typer.Option(help="What was done, for example crop, rotate or brightness.")],
    of: Annotated[
        str, typer.Option(metavar="SHA256", help="What it was made from, first digits.", show_default="the original")
    ] = "",
    words: Annotated[str, typer.Option("--note", help="More of it in words.")] = "",
) -> None:
    """Add an edit of the probe; the original stays."""
    with settings.open() as system:
        shown = system.cases.add_edit(case, image, change=change, of=of, note=words)
    print_case(settings, shown)


def _sample(
    settings: Settings,
    *,
    case: CaseArgument,
    image: Annotated[Path, typer.Argument(help="The picture that the candidate was enrolled from.", readable=False)],
    candidate: Annotated[int, typer.Option(min=1, help="The candidate's number.")],
) -> None:
    """Add the picture of a candidate, to compare the probe with."""
    with settings.open() as system:
        shown = system.cases.add_sample(case, image, candidate=candidate)
    print_case(settings, shown)


def _answer(
    settings: Settings,
    *,
    case: CaseArgument,
    file: Annotated[
        Optional[Path], typer.Argument(help="Your answer, TOML or JSON; without it you are asked.", readable=False)
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="Print an empty answer to fill in.")] = False,
    amend: Annotated[
        bool, typer.Option("--amend", help="Put it beside your answer, once the case is decided.")
    ] = False,
) -> None:
    """Answer a case: what was found of every feature, and a conclusion. It is signed and final."""
    from faceward.policy.review_answers import MAX_BYTES

    if template and (file is not None or amend):
        raise UsageError("--template prints an empty answer; leave out the file and --amend")
    with settings.open() as system:
        if template:
            text = system.cases.template(case)
            if settings.as_json:
                emit({"file": text})
            else:
                print_text(text)
            return
        if file is not None:
            given = system.cases.parse(case, read_limited(file, MAX_BYTES + 1, "answer"), file.name)
        else:
            given = _asked(system.cases, case)
        shown = system.cases.answer(case, given, amend=amend)
    print_case(settings, shown)


def _asked(cases: Cases, case: str) -> tuple[Comparison, ...]:
    """Ask for an answer, feature by feature."""
    from faceward.policy.review_features import review_scheme
    from faceward.policy.review_model import Comparison, Finding

    if not sys.stdin.isatty():
        raise UsageError("give an answer file; 'case answer CASE --template' prints an empty one")
    short = {"s": Finding.SIMILAR, "d": Finding.DISSIMILAR, "i": Finding.INDETERMINATE}
    scheme = review_scheme()
    given = []
    for candidate in rows_of(cases.show(case)["candidates"]):
        if candidate["subject"] is None:
            continue
        say(f"Candidate {candidate['number']}: {candidate['subject']}")
        note("s similar, d dissimilar, i indeterminate: not visible, or not clear")
        found = {
            feature.key: short[_choice(f"{feature.name} ({feature.look})", tuple(short))]
            for feature in scheme.features.values()
        }
        for step in scheme.conclusions.values():
            note(f"{step.key}: {step.name}")
        conclusion = _choice("Conclusion", tuple(scheme.conclusions))
        notes = typer.prompt("Notes", default="", show_default=False, err=True)
        given.append(Comparison(int(candidate["number"]), found, conclusion, notes))
    if not typer.confirm("Sign this answer? It is final", err=True):
        raise UsageError("the answer was not signed; nothing was recorded")
    return tuple(given)


def _choice(text: str, allowed: Sequence[str]) -> str:
    while True:
        answer = str(typer.prompt(text, err=True)).strip().lower()
        if answer in allowed:
            return answer
        note(f"type one of {', '.join(allowed)}")


def _score(settings: Settings, case: CaseArgument) -> None:
    """Show the scores, to those who have answered."""
    with settings.open() as system:
        scores = system.cases.scores(case)
    if settings.as_json:
        emit(scores)
        return
    rows = rows_of(scores["candidates"])
    table(
        ("candidate#", "subject", "score#", "result"),
        [(row["number"], row["subject"] or "erased", row["score"], row["result"]) for row in rows],
    )


def _outcome(
    settings: Settings,
    *,
    case: CaseArgument,
    accuracy: Annotated[str, typer.Option(help="Were the candidates right: correct, incorrect or undetermined.")],
    finding: Annotated[str, typer.Option(help="What was found out, in words.")],
    action: Annotated[str, typer.Option(help="What was done, in words; none where nothing was.")],
    false_alerts: Annotated[
        Optional[int],
        typer.Option(
            min=1, metavar="N", help="With incorrect: of how many faces no candidate was right.", show_default="all"
        ),
    ] = None,
) -> None:
    """Record the finding on a case's candidates, and the action taken."""
    with settings.open() as system:
        shown = system.cases.conclude(
            case, accuracy=accuracy, finding=finding, action=action, false_alerts=false_alerts
        )
    print_case(settings, shown)


def _export(
    settings: Settings,
    *,
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--output", "-o", help="A folder, new or empty.", readable=False)],
    originals: Annotated[bool, typer.Option("--originals", help="Write the pictures too, as they came.")] = False,
) -> None:
    """Write what you may see of a case as HTML and JSON. It is a lead only."""
    with settings.open() as system:
        written: Mapping[str, Any] = system.cases.export(case, out, originals=originals)
    if settings.as_json:
        emit(written)
        return
    say(str(written["notice"]))
    for name in written["files"]:
        say(name)


def _delete(
    settings: Settings,
    *,
    case: CaseArgument,
    reason: Annotated[str, typer.Option(help="Why, for the log.")],
) -> None:
    """Delete a case for good: its keys are destroyed, so that no copy of it opens."""
    with settings.open() as system:
        deleted = system.cases.delete(case, reason=reason)
    if settings.as_json:
        emit(deleted)
    else:
        say(f"case {deleted['case']} is deleted; no copy of it can be opened")
