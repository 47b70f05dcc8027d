"""A standard: the folder of rules and parameters that a deployment is set up under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cedarpy

from faceward.core.canonical import canonical_json, sha256_hex
from faceward.core.errors import EnvironmentFailure, IntegrityError, UsageError
from faceward.core.files import read_regular
from faceward.policy.parameters import Parameters, parse_parameters
from faceward.policy.strict import decode_text

_POLICY, _PARAMETERS, _README = "policy.cedar", "parameters.toml", "README.md"
_SCHEMA, _COMMON = "common/schema.cedarschema", "common/common.cedar"
_PACKAGE = "faceward.policy.standards"
OWN_FILES = (_POLICY, _PARAMETERS, _README)
"""What a standard's own folder holds."""
COMMON_FILES = (_SCHEMA, _COMMON)
"""What every standard shares: the facts that rules may ask for, and the rules that hold everywhere."""
FILES = (*COMMON_FILES, *OWN_FILES)
_MAX_BYTES = 2**20
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy of a standard, as its annotations state it.

    Attributes:
        rule: The requirement it enforces, for example `C1`, or the name of a permission.
        forbids: It refuses (Cedar `forbid`) rather than permits.
        reason: What is wrong when it refuses; empty for a permission.
        remedy: What to do about it; empty for a permission.
        actions: The actions and groups of actions that it names; empty where it concerns every action.
        common: It holds in every standard.
    """

    rule: str
    forbids: bool
    reason: str
    remedy: str
    actions: tuple[str, ...] = ()
    common: bool = False


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard, checked.

    Attributes:
        name: Name of the folder, for example `workplace`.
        policy: The common rules, then its own, Cedar text.
        schema: What the rules may speak of, Cedar schema text.
        parameters: Limits, bases and quality floors.
        readme: The explanation in plain words, Markdown.
        rules: The policies in the order of the text.
        files: SHA-256 of each file in `FILES`, 64 hexadecimal digits.
        digest: SHA-256 over the canonical JSON of `files`, 64 hexadecimal digits.
    """

    name: str
    policy: str
    schema: str
    parameters: Parameters
    readme: str
    rules: tuple[Rule, ...]
    files: Mapping[str, str]
    digest: str


def available_standards() -> tuple[str, ...]:
    """Return the names of the standards in this package, sorted."""
    root = files(_PACKAGE)
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
    return parse_standard(name, {**common_files(), **_contents(files(_PACKAGE).joinpath(name))})


def load_standard_folder(folder: Path) -> Standard:
    """Load a standard from a folder of its own: policy.cedar, parameters.toml and README.md.

    The rules that hold in every standard are always this package's.

    Args:
        folder: The folder; its name is the standard's.

    Raises:
        UsageError: There is no such folder.
        EnvironmentFailure: A file cannot be read.
        IntegrityError: A file is missing or too large, or the policy does not hold against the schema.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no folder; name a standard, or a folder with {', '.join(OWN_FILES)}")
    contents = dict(common_files())
    for file in OWN_FILES:
        try:
            data = read_regular(folder / file, _MAX_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise EnvironmentFailure(f"{folder / file}: cannot be read: {error.strerror}; check it") from None
        if data is None:
            raise IntegrityError(f"{folder / file}: too large for a standard; shorten it")
        contents[file] = data
    return parse_standard(folder.resolve().name, contents)


def common_files() -> Mapping[str, bytes]:
    """Return the bytes of each file in `COMMON_FILES` that the package holds."""
    root = files(_PACKAGE)
    return {file: root.joinpath(file).read_bytes() for file in COMMON_FILES if root.joinpath(file).is_file()}


def _contents(folder: Traversable) -> Mapping[str, bytes]:
    return {file: folder.joinpath(file).read_bytes() for file in OWN_FILES if folder.joinpath(file).is_file()}


def parse_standard(name: str, contents: Mapping[str, bytes]) -> Standard:
    """Check the files of a standard and put them together.

    Args:
        name: Name of the standard, for messages.
        contents: The bytes of each file in `FILES`.

    Raises:
        IntegrityError: A file is missing or malformed, a policy does not hold against the schema, a refusal
            lacks its rule, reason or remedy, an enforced rule has no policy, or a common rule is not enforced.
    """
    where = f"standard {name!r}"
    missing = [file for file in FILES if file not in contents]
    if missing:
        raise IntegrityError(f"{where}: {missing[0]} is missing; restore it, or install the package again")
    texts = {
        file: decode_text(contents[file], f"{where}: {file}", IntegrityError) for file in FILES if file != _PARAMETERS
    }
    parameters = parse_parameters(contents[_PARAMETERS], where)
    # Each is validated by itself first, so that neither can complete what the other leaves open.
    shared = parse_rules(texts[_COMMON], texts[_SCHEMA], f"{where}: {_COMMON}")
    own = parse_rules(texts[_POLICY], texts[_SCHEMA], f"{where}: {_POLICY}")
    rules = (*(replace(rule, common=True) for rule in shared), *own)
    _check_enforced(rules, parameters, where)
    if any(not rule.forbids for rule in shared):
        raise IntegrityError(f"{where}: {_COMMON} permits something; permissions stand in {_POLICY} alone")
    digests = {file: sha256_hex(contents[file]) for file in FILES}
    return Standard(
        name=name,
        policy=f"{texts[_COMMON]}\n{texts[_POLICY]}",
        schema=texts[_SCHEMA],
        parameters=parameters,
        readme=texts[_README],
        rules=rules,
        files=MappingProxyType(digests),
        digest=sha256_hex(canonical_json(digests)),
    )


def _check_enforced(rules: tuple[Rule, ...], parameters: Parameters, where: str) -> None:
    """Check that `enforced` names the rules that stand there, no fewer and no more."""
    standing = {rule.rule for rule in rules if rule.forbids}
    unbound = [rule for rule in parameters.enforced if rule not in standing]
    if unbound:
        raise IntegrityError(f"{where}: no policy enforces rule {unbound[0]}; restore it, or take it off 'enforced'")
    unnamed = sorted(standing - set(parameters.enforced))
    if unnamed:
        raise IntegrityError(f"{where}: the policy enforces rule {unnamed[0]}, which 'enforced' does not name; add it")


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
    problem, parsed = _validated(policy, schema)
    if not parsed:
        first = " ".join(problem.split())
        raise IntegrityError(f"{where}: the policy does not hold against its schema: {first}; correct it")
    if parsed["templates"]:
        raise IntegrityError(f"{where}: the policy holds a template; write each rule out")
    static: dict[str, dict[str, object]] = parsed["staticPolicies"]
    return tuple(_rule(static[f"policy{index}"], index, where) for index in range(len(static)))


# Keyed by both texts whole: the same texts hold or do not hold each time they are asked about, and a changed one is
# validated anew. A process that opens several deployments validates what they share once.
@lru_cache(maxsize=_REMEMBERED)
def _validated(policy: str, schema: str) -> tuple[str, Mapping[str, Any]]:
    """Return the first of Cedar's complaints and an empty mapping, or no complaint and the policies parsed."""
    try:
        verdict = cedarpy.validate_policies(policy, schema)
        problems = [str(error.error) for error in verdict.errors]
        parsed = json.loads(cedarpy.policies_to_json_str(policy)) if verdict.validation_passed else {}
    except (ValueError, TypeError) as error:
        problems, parsed = [str(error)], {}
    return (problems or ["unreadable"])[0], parsed


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
    return Rule(notes["id"], forbids, notes.get("reason") or "", notes.get("remedy") or "", _actions(parsed["action"]))


def _actions(scope: object) -> tuple[str, ...]:
    """Return the actions that a rule's head names, from Cedar's JSON: one `entity`, several `entities`, or neither."""
    named = scope if isinstance(scope, dict) else {}
    entities = [named["entity"]] if "entity" in named else named.get("entities", [])
    return tuple(str(entity["id"]) for entity in entities)
