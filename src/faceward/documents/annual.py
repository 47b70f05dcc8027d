"""The annual public report (FTC v. Rite Aid (2024), III.C; AI Act Art. 26(10)): counts of the log, nobody's name."""

from __future__ import annotations

from functools import partial

from faceward.documents import parts, watching
from faceward.documents.content import Bullets, Document, Grid, Pairs, Section
from faceward.documents.facts import Facts, Tally
from faceward.documents.questions import Answers

_FRAME = parts.Frame(
    "annual-report",
    "Annual public report on the use of face recognition",
    "FTC v. Rite Aid (2024), III.C; AI Act (Regulation (EU) 2024/1689) Art. 26(10)",
    "How often faces were searched for, refused, enrolled and erased, as the log tells it. Nobody is named.",
)

FIGURES = (
    ("verifications", "Verifications carried out (one person claimed)"),
    ("searches", "Identifications carried out (a gallery searched)"),
    ("faces", "Faces searched for in them"),
    ("unknown", "Faces that remained unknown"),
    ("candidates", "Candidates returned"),
    ("watches", "Periods in which cameras looked out for people on a list"),
    ("passed", "Faces before cameras that were nobody's on the list"),
    ("alerts", "Alerts that cameras raised"),
    ("suppressed", "Sightings that were suppressed as impossible travel"),
    ("refused", "Operations refused by a rule"),
    ("enrolled", "Pictures enrolled"),
    ("rejected", "Pictures rejected at enrolment"),
    ("erasures", "People erased on request"),
    ("erased", "References erased on request"),
    ("expired", "References erased at the end of their term"),
    ("redactions", "Redactions that kept somebody visible"),
    ("complaints", "Complaints received"),
    ("cases", "Cases opened for review"),
    ("answers", "Answers given by reviewers"),
    ("actionable", "Candidates that reviewers found actionable"),
    ("list_correct", "Candidate lists found correct"),
    ("list_incorrect", "Candidate lists found incorrect (false alerts)"),
    ("list_undetermined", "Candidate lists found undetermined"),
    ("adverse", "Adverse actions noted"),
    ("stops", "Stops of all searching"),
    ("restarts", "Restarts after a stop"),
    ("failed", "Operations that failed or were interrupted"),
)
"""The figures of the report: name in `Tally.figures` and what it is called."""


def annual_report(facts: Facts, answers: Answers) -> Document:
    """Write the report.

    Raises:
        AssertionError: The facts hold no counts.
    """
    tally = facts.tally
    if tally is None:
        raise AssertionError("the report needs the counts of a period")
    ask = partial(parts.asked, "annual-report", facts=facts, answers=answers)
    sections = (
        Section("Who reports, and on what", _FRAME.law, (ask("controller"), ask("contact"), _period(facts, tally))),
        Section(
            "The year in figures",
            _FRAME.law,
            (
                Grid(
                    ("What", "Count#"),
                    tuple((title, f"{tally.figures.get(name, 0):,}") for name, title in FIGURES),
                    widths=(8, 2),
                ),
                Bullets(_NOTES),
            ),
        ),
        Section("By purpose", "GDPR Art. 5(1)(b)", (_purposes(tally),)),
        Section("Refusals by rule", "own design", (_refusals(tally),)),
        Section("Every operation in the log", "AI Act Art. 12, 26(6)", (_operations(tally),)),
        Section("What followed", "FTC v. Rite Aid (2024), III.D.3", (ask("consequences"), ask("findings"))),
        Section(
            "The system",
            "AI Act Art. 13",
            (parts.deployment(facts), parts.purposes(facts), parts.galleries(facts), parts.security(facts)),
        ),
        *watching.section(facts, "FTC v. Rite Aid (2024), III.C; AI Act Art. 13"),
        parts.gaps(facts),
    )
    return _FRAME.document(facts, answers, sections)


_NOTES = (
    "A count is of entries in the log by their time (UTC).",
    "An operation under way at the end of the period is counted where it began, its outcome where it ended.",
    "Candidates are counted as people named by a search; a candidate is a lead and no finding.",
    "Small counts may tell of single people to those who know more; weigh that before publishing.",
)


def _period(facts: Facts, tally: Tally) -> Pairs:
    so_far = "" if tally.whole else f", as far as the log went on {facts.made.date().isoformat()}"
    until = tally.last.isoformat() + so_far
    return Pairs(
        (
            ("Period", f"{tally.first.isoformat()} to {until}"),
            ("Log", f"{facts.origin}, {tally.entries:,} entries in the period of {facts.entries:,}"),
        )
    )


def _purposes(tally: Tally) -> Grid:
    rows = tuple((name, *(f"{count:,}" for count in counts)) for name, *counts in tally.purposes)
    columns = ("Purpose", "Verifications#", "Identifications#", "Pictures enrolled#")
    return Grid(columns, rows, "No purpose was used.", (4, 2, 2, 2))


def _refusals(tally: Tally) -> Grid:
    rows = tuple((rule, operation, f"{count:,}") for operation, rule, count in tally.refusals)
    return Grid(("Rule", "Operation", "Refusals#"), rows, "Nothing was refused.", (2, 6, 2))


def _operations(tally: Tally) -> Grid:
    rows = tuple((name, *(f"{count:,}" for count in counts)) for name, *counts in tally.operations)
    columns = ("Operation", "Begun#", "Ended#", "Of these failed#", "Refused#", "Noted#")
    return Grid(columns, rows, "Nothing is in the log.", (3.5, 1.3, 1.3, 1.5, 1.3, 1.3))
