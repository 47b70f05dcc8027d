"""A reviewer's answer as a file, TOML or JSON, and the template that is filled in."""

from __future__ import annotations

import json

from faceward.core.errors import BadInput
from faceward.policy.review_codec import findings
from faceward.policy.review_features import SOURCE, review_scheme
from faceward.policy.review_fields import tables, whole
from faceward.policy.review_model import Case, Comparison, Finding
from faceward.policy.strict import Table, parse_json, parse_toml

MAX_BYTES = 2**20
_WIDTH = 28


def template(case: Case) -> str:
    """Return an empty answer to a case, TOML, with what to look at in comments."""
    scheme = review_scheme()
    words = " | ".join(finding.value for finding in Finding)
    lines = [
        f"# Answer to the case {case.id}.",
        f"# Features: {SOURCE}.",
        "# Distances are judged by eye, never measured.",
        f"# Write for every feature: {words} (not visible, or not clear).",
        "# Conclude for every candidate with one of:",
        *(f"#   {step.key:20}{step.name}" for step in scheme.conclusions.values()),
        "",
        f"case = {json.dumps(case.id)}",
    ]
    for candidate in case.candidates:
        if candidate.subject is None:
            continue
        # JSON's strings are TOML's as well, but for characters that no name of a subject may hold.
        lines += [
            "",
            f"# Candidate {candidate.number}: {json.dumps(candidate.subject, ensure_ascii=False)}",
            "[[comparison]]",
            f"candidate = {candidate.number}",
            'conclusion = ""',
            'notes = ""',
            "[comparison.features]",
            *(f"{feature.key + ' = ' + chr(34) * 2:{_WIDTH}}# {feature.look}" for feature in scheme.features.values()),
        ]
    return "\n".join(lines) + "\n"


def parse_answer(data: bytes, name: str, case: str) -> tuple[Comparison, ...]:
    """Read an answer; whether it is complete is for `review.check_comparisons`.

    Args:
        data: The file, TOML 1.0 or, where its name ends in `.json`, JSON.
        name: Name of the file.
        case: Identifier of the case that it must be for.

    Raises:
        BadInput: It is no such file, a word in it is unknown, or it is for another case.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"{name}: larger than {MAX_BYTES} bytes; give an answer file as 'case answer --template' writes")
    raw = parse_json(data, name, BadInput) if name.lower().endswith(".json") else parse_toml(data, name, BadInput)
    root = Table(raw, name, BadInput)
    root.only(("case", "comparison"))
    if root.text("case") != case:
        raise root.error(f"is an answer to the case {root.text('case')[:12]!r}, not to this one; take its template")
    return tuple(_comparison(table) for table in tables(root, "comparison")) if root.has("comparison") else ()


def _comparison(table: Table) -> Comparison:
    table.only(("candidate", "conclusion", "notes", "features"))
    features = findings(table.table("features"))
    conclusion = table.text("conclusion")
    if conclusion not in review_scheme().conclusions:
        steps = ", ".join(review_scheme().conclusions)
        raise table.error(f"the conclusion {conclusion!r} is unknown; write one of {steps}")
    notes = table.text("notes") if table.has("notes") else ""
    return Comparison(whole(table, "candidate"), features, conclusion, notes)
