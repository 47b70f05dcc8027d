"""A standard: the folder of rules and parameters that a deployment is set up under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import cedarpy

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import IntegrityError, UsageError
from faceward.policy.parameters import Parameters, parse_parameters
from faceward.policy.strict import decode_text

_POLICY, _SCHEMA, _PARAMETERS, _README = "policy.cedar", "schema.cedarschema", "parameters.toml", "README.md"
FILES = (_POLICY, _SCHEMA, _PARAMETERS, _README)


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy of a standard, as its annotations state it.

    Attributes:
        rule: The requirement it enforces, for example `C1`, or the name of a permission.
        forbids: It refuses (Cedar `forbid`) rather than permits.
        reason: What is wrong when it refuses; empty for a permission.
        remedy: What to do about it; empty for a permission.
    """

    rule: str
    forbids: bool
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard, checked.

    Attributes:
        name: Name of the folder, for example `workplace`.
        policy: The rules, Cedar text.
        schema: What the rules may speak of, Cedar schema text.
        parameters: Limits, bases and quality floors.
        readme: The explanation in plain words, Markdown.
        rules: The policies in the order of the file.
        digest: SHA-256 over the canonical JSON of each file's SHA-256, 64 hexadecimal digits.
    """

    name: str
    policy: str
    schema: str
    parameters: Parameters
    readme: str
    rules: tuple[Rule, ...]
    digest: str


def available_standards() -> tuple[str, ...]:
    """Return the names of the standards in this package, sorted."""
    root = files("faceward.policy.standards")
    return tuple(sorted(entry.name for entry in root.iterdir() if entry.joinpath(_POLICY).is_file()))


def load_standard(name: str) -> Standard:
    """Load a standard from the package.

    Args:
        name: Name of its folder, for example `workplace`.

    Raises:
        UsageError: There is no such standard.
        IntegrityError: A file is missing, or the policy does not hold against its schema.
    """
    known = available_standards()
    if name not in known:
        raise UsageError(f"there is no standard {name!r}; available: {', '.join(known)}")
    folder = files("faceward.policy.standards").joinpath(name)
    present = [file for file in FILES if folder.joinpath(file).is_file()]
    return parse_standard(name, {file: folder.joinpath(file).read_bytes() for file in present})


def parse_standard(name: str, contents: Mapping[str, bytes]) -> Standard:
    """Check the files of a standard and put them together.

    Args:
        name: Name of the standard, for messages.
        contents: The bytes of each file in `FILES`.

    Raises:
        IntegrityError: A file is missing or malformed, the policy does not hold against its schema, a refusal
            lacks its rule, reason or remedy, or an enforced rule has no policy.
    """
    where = f"standard {name!r}"
    missing = [file for file in FILES if file not in contents]
    if missing:
        raise IntegrityError(f"{where}: {missing[0]} is missing; install the package again")
    policy, schema, readme = (
        decode_text(contents[file], f"{where}: {file}", IntegrityError) for file in (_POLICY, _SCHEMA, _README)
    )
    parameters = parse_parameters(contents[_PARAMETERS], where)
    rules = parse_rules(policy, schema, where)
    enforced = {rule.rule for rule in rules if rule.forbids}
    unbound = [rule for rule in parameters.enforced if rule not in enforced]
    if unbound:
        raise IntegrityError(f"{where}: no policy enforces rule {unbound[0]}; restore it, or take it off 'enforced'")
    digests = {file: sha256_hex(contents[file]) for file in FILES}
    return Standard(name, policy, schema, parameters, readme, rules, sha256_hex(canonical_json(digests)))


def parse_rules(policy: str, schema: str, where: str) -> tuple[Rule, ...]:
    """Validate a policy against its schema and read the annotations of its rules.

    Args:
        policy: Cedar policies.
        schema: Cedar schema.
        where: Names the standard in messages.

    Returns:
        The rules in the order of the text; rule number n is Cedar's `policy{n}`.

    Raises:
        IntegrityError: Cedar does not accept them, or a refusal lacks `@id`, `@reason` or `@remedy`.
    """
    try:
        verdict = cedarpy.validate_policies(policy, schema)
        problems = [str(error.error) for error in verdict.errors]
        parsed = json.loads(cedarpy.policies_to_json_str(policy)) if verdict.validation_passed else {}
    except (ValueError, TypeError) as error:
        problems, parsed = [str(error)], {}
    if not parsed:
        first = " ".join((problems or ["unreadable"])[0].split())
        raise IntegrityError(f"{where}: the policy does not hold against its schema: {first}; correct it")
    if parsed["templates"]:
        raise IntegrityError(f"{where}: the policy holds a template; write each rule out")
    static: dict[str, dict[str, object]] = parsed["staticPolicies"]
    return tuple(_rule(static[f"policy{index}"], index, where) for index in range(len(static)))


def _rule(parsed: dict[str, object], index: int, where: str) -> Rule:
    annotations = parsed.get("annotations")
    notes: dict[str, str] = annotations if isinstance(annotations, dict) else {}
    forbids = parsed["effect"] == "forbid"
    needed = ("id", "reason", "remedy") if forbids else ("id",)
    absent = [note for note in needed if not (notes.get(note) or "").strip()]
    if absent:
        raise IntegrityError(f"{where}: policy number {index + 1} has no @{absent[0]}; add it")
    if any("\n" in notes[note] for note in needed):
        raise IntegrityError(f"{where}: policy number {index + 1} has an annotation of several lines; use one")
    return Rule(notes["id"], forbids, notes.get("reason") or "", notes.get("remedy") or "")
