"""The standards: what each allows, refuses and asks for."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, page, say, table
from faceward.cli.requests import tell

if TYPE_CHECKING:
    from faceward.core.request_results import Asked
    from faceward.policy.standard import Rule, Standard

_EVERYWHERE, _HERE = "everywhere", "here alone"


class Part(StrEnum):
    """What `show` shows."""

    README = "readme"
    RULES = "rules"
    PARAMETERS = "parameters"


Which = Annotated[str, typer.Argument(metavar="NAME", help="A standard, or a folder that holds one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    standards = group("standards", "Standards: what each allows, refuses and asks for.")
    standards.command("list")(command(_list))
    standards.command("show")(command(_show))
    standards.command("diff")(command(_diff))
    standards.command("check")(command(_check))
    standards.command("adopt")(command(_adopt))
    app.add_typer(standards)


def _list(settings: Settings) -> None:
    """List the standards."""
    from faceward.policy import plain
    from faceward.policy.plain_json import standard_json
    from faceward.policy.standard import available_standards, load_standard

    known = [load_standard(name) for name in available_standards()]
    if settings.as_json:
        emit({"standards": [standard_json(standard) for standard in known]})
        return
    rows = []
    for standard in known:
        said = {row.key: row.value for row in plain.settings(standard.parameters)}
        rows.append(
            (
                standard.name,
                plain.summary(standard),
                said["people.sign_in"],
                # What is not permitted at all needs no mandate either.
                plain.in_words(sorted(standard.parameters.mandate.required & set(plain.permitted(standard)))),
                said["people.reviewers"],
                said["retention.maximum"],
            )
        )
    table(("standard", "for", "who signs in", "a mandate for", "reviewers", "kept at most"), rows)
    say("Read one with 'faceward standards show NAME'. None of this is legal advice.")


def _show(
    settings: Settings,
    name: Which,
    *,
    part: Annotated[Part, typer.Option(help="What to show.")] = Part.README,
) -> None:
    """Show a standard: its explanation, its rules or its parameters."""
    from faceward.policy import plain, plain_json

    standard = _find(name)
    if settings.as_json:
        emit(plain_json.standard_json(standard) | plain_json.part_json(standard, plain_json.Part(part)))
    elif part is Part.README:
        page(standard.readme)
    elif part is Part.PARAMETERS:
        rows = plain.settings(standard.parameters)
        table(("parameter", "what it says", "key"), [(row.meaning, str(row), row.key) for row in rows])
    else:
        permits = [(rule.rule, plain.in_words(rule.actions)) for rule in standard.rules if not rule.forbids]
        table(("permission", "what is permitted"), permits, "Permitted, unless a rule below refuses it")
        refusals = [rule for rule in standard.rules if rule.forbids]
        table(("rule", "refused because", "what helps", "holds"), [_refusal(rule) for rule in refusals], "Refused")


def _diff(settings: Settings, first: Which, second: Which) -> None:
    """Say in what two standards differ."""
    from faceward.policy import plain
    from faceward.policy.plain_json import differences_json

    one, other = _find(first), _find(second)
    changed = plain.differences(one.parameters, other.parameters)
    here, there = plain.rules_only_in(one, other), plain.rules_only_in(other, one)
    mine, theirs = (set(plain.permitted(standard)) for standard in (one, other))
    if settings.as_json:
        emit(differences_json(one, other))
        return
    names = (one.name, other.name) if one.name != other.name else (first, second)
    if not (changed or here or there or mine ^ theirs):
        words = "are the same" if one.digest == other.digest else "decide the same; their texts differ"
        say(f"{names[0]} and {names[1]} {words}.")
        return
    if changed:
        table(("parameter", *names), [(row.meaning, row.first, row.second) for row in changed], "Parameters")
    for name, rules, actions in ((names[0], here, mine - theirs), (names[1], there, theirs - mine)):
        if actions:
            say(f"Only {name} permits: {plain.in_words(sorted(actions))}.")
        if rules:
            table(("rule", "refused because"), [(rule.rule, rule.reason) for rule in rules], f"Only {name} refuses")


def _check(
    settings: Settings,
    name: Annotated[
        Optional[str], typer.Argument(metavar="NAME", help="A standard, or a folder.", show_default="all of them")
    ] = None,
) -> None:
    """Check that a standard holds, and give the hash of each file and the digest of the whole."""
    from faceward.policy.standard import available_standards

    checked = [_find(one) for one in (available_standards() if name is None else (name,))]
    if settings.as_json:
        emit({"standards": [{"name": s.name, "digest": s.digest, "files": dict(s.files)} for s in checked]})
        return
    for standard in checked:
        refusals = sum(rule.forbids for rule in standard.rules)
        table(("file", "SHA-256"), standard.files.items(), f"{standard.name}, digest {standard.digest}")
        say(f"{standard.name} holds: {refusals} refusals, {len(standard.rules) - refusals} permissions.")


def _find(name: str) -> Standard:
    """Return a standard of the package by its name, or one in a folder by its path."""
    from faceward.policy.standard import available_standards, load_standard, load_standard_folder

    path = Path(name)
    if name not in available_standards() and (path.is_dir() or len(path.parts) > 1):
        return load_standard_folder(path)
    return load_standard(name)


def _refusal(rule: Rule) -> tuple[str, str, str, str]:
    return rule.rule, rule.reason, rule.remedy, _EVERYWHERE if rule.common else _HERE


def _adopt(settings: Settings) -> None:
    """Ask for a changed standard or pack to be adopted as it is here; another person approves it."""
    with settings.open() as system:
        changes, asked = system.control.changes(), system.control.adopt()
    if settings.as_json:
        emit({"changes": {kind: list(digests) for kind, digests in changes.items()}, **_asked_json(asked)})
        return
    for request in asked:
        was, present = changes[request.kind]
        say(f"{request.kind}: adopted {was[:12]}…, here {present[:12]}…")
        tell(settings, request)


def _asked_json(asked: Sequence[Asked]) -> dict[str, Any]:
    return {"requests": [request.to_json() for request in asked]}
