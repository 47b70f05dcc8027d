"""Standards as objects, which the command line prints and the service answers with."""

from __future__ import annotations

from enum import StrEnum

from faceward.core.results import JSONDict
from faceward.policy import plain
from faceward.policy.standard import Rule, Standard

EVERYWHERE, HERE = "everywhere", "here alone"


class Part(StrEnum):
    """What is shown of a standard."""

    README = "readme"
    RULES = "rules"
    PARAMETERS = "parameters"


def standard_json(standard: Standard) -> JSONDict:
    """Return a standard in a few words."""
    return {
        "name": standard.name,
        "for": plain.summary(standard),
        "digest": standard.digest,
        "enforced": list(standard.parameters.enforced),
        "permitted": list(plain.permitted(standard)),
    }


def part_json(standard: Standard, part: Part) -> JSONDict:
    """Return a part of a standard: its explanation, its rules or its parameters."""
    if part is Part.README:
        return {"readme": standard.readme}
    if part is Part.RULES:
        return {"rules": [rule_json(rule) for rule in standard.rules]}
    rows = plain.settings(standard.parameters)
    return {
        "parameters": [
            {"key": row.key, "meaning": row.meaning, "value": row.value, "note": row.note or None} for row in rows
        ]
    }


def rule_json(rule: Rule) -> JSONDict:
    """Return a rule."""
    return {
        "rule": rule.rule,
        "effect": "refuses" if rule.forbids else "permits",
        "reason": rule.reason or None,
        "remedy": rule.remedy or None,
        "actions": list(rule.actions),
        "holds": EVERYWHERE if rule.common else HERE,
    }


def differences_json(one: Standard, other: Standard) -> JSONDict:
    """Return in what two standards differ."""
    here, there = plain.rules_only_in(one, other), plain.rules_only_in(other, one)
    mine, theirs = (set(plain.permitted(standard)) for standard in (one, other))
    return {
        "first": {"name": one.name, "digest": one.digest},
        "second": {"name": other.name, "digest": other.digest},
        "parameters": [
            {"key": row.key, "meaning": row.meaning, "first": row.first, "second": row.second}
            for row in plain.differences(one.parameters, other.parameters)
        ],
        "rules": {"first": [rule_json(rule) for rule in here], "second": [rule_json(rule) for rule in there]},
        "permitted": {"first": sorted(mine - theirs), "second": sorted(theirs - mine)},
    }
