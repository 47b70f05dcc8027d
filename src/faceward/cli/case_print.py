"""Cases for people to read on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceward.cli.options import Settings
from faceward.cli.output import emit, note, pairs, say, table
from faceward.cli.words import plural


def rows_of(value: object) -> list[dict[str, Any]]:
    """Return a list of objects."""
    return [dict(row) for row in value] if isinstance(value, list) else []


def print_case(settings: Settings, shown: Mapping[str, Any]) -> None:
    """Print what somebody may see of a case."""
    if settings.as_json:
        emit(shown)
        return
    search = shown["search"]
    say(str(shown["notice"]))
    pairs(
        {
            "case": shown["case"],
            "stands": shown["phase"],
            "search": f"log entry {search['entry']} by {search['operator']}, {search['gallery']}, {search['purpose']}",
            "reason": search["reason"],
            "mandate": search["mandate"],
            "opened": f"{_moment(shown['opened'])} by {shown['opener']}",
            "deleted by": _moment(shown["expires"]),
            "your answer": "wanted" if shown["may_answer"] else None,
            "finding": "wanted" if shown["finding_wanted"] else None,
        },
    )
    table(
        ("picture", "change", "made from", "by", "note"),
        [(v["sha256"][:12], v["change"], (v["parent"] or "")[:12], v["by"], v["note"]) for v in shown["probe"]],
        f"Probe, stated to be a {shown['kind']}",
    )
    table(
        ("candidate#", "subject", "picture", "score#", "result"),
        [
            (c["number"], c["subject"] or "erased", (c["sample"] or "")[:12], c["score"], c["result"])
            for c in shown["candidates"]
        ],
        "Candidates",
    )
    _print_answers(shown)
    if shown["blind"]:
        note("the review is not finished: scores and the answers of others are hidden from you")


def _print_answers(shown: Mapping[str, Any]) -> None:
    if shown["answers"]:
        table(
            ("reviewer", "when", "candidate#", "conclusion", "notes", "signature"),
            [
                (
                    answer["reviewer"],
                    _moment(answer["when"]),
                    c["candidate"],
                    c["conclusion"],
                    c["notes"],
                    _checked(answer),
                )
                for answer in shown["answers"]
                for c in answer["comparisons"]
            ],
            "Answers",
        )
    for outcome in shown["outcomes"]:
        pairs(
            {
                "recorded": f"{_moment(outcome['when'])} by {outcome['by']}",
                "candidates were": _accuracy(outcome),
                "finding": outcome["finding"],
                "action taken": outcome["action"],
            },
            "Finding and action",
        )


def _accuracy(outcome: Mapping[str, Any]) -> str:
    stated = outcome["false_alerts"]
    return str(outcome["accuracy"]) if stated is None else f"{outcome['accuracy']} for {plural(stated, 'face')}"


def _moment(text: str) -> str:
    """Shorten RFC 3339 to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"


def _checked(answer: Mapping[str, Any]) -> str:
    return "checked" if answer["checked"] else "no such key of theirs is known now"
