"""The configuration of a deployment as one object: everything that its documents describe, and no count or name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from importlib.metadata import version

from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.words import plural
from faceward.operations import evidence, gallery_term, purposes
from faceward.operations.deployment import Deployment
from faceward.operations.guardians import Guardians, guardians
from faceward.operations.watch_portrait import stated
from faceward.policy.people import Role

VERSION = 1
_ENOUGH = 2
_ACRONYMS = ("fmr", "fpir")


def configuration(deployment: Deployment) -> JSONObject:
    """Return what a sign-off is for.

    How many references, entries or people there are is not in it, nor who they are: of each role it says whether
    nobody, one or several hold it.
    """
    config, place = deployment.config, deployment.jurisdiction
    standard, manifest = deployment.standard, deployment.pipeline.pack.manifest
    held = guardians(deployment)
    parameters = plain(standard.parameters)
    return {
        # Left out where there is none, so that what was signed off without any stands.
        **stated(deployment),
        "version": VERSION,
        "software": version("faceward"),
        "controller": config.controller,
        "contact": config.contact,
        "origin": config.origin,
        "standard": {"name": standard.name, "digest": standard.digest, "parameters": parameters},
        "jurisdiction": plain(place),
        "pack": {"identifier": deployment.pipeline.identifier, "document": manifest.document},
        "purposes": {
            purpose.name: {**purpose.to_json(), "evidence": evidence.digest_of(deployment, purpose)}
            for purpose in purposes.listed(deployment)
        },
        "galleries": _galleries(deployment),
        "custody": {"separate": held.separate, "trial": config.trial},
        "people": _roles(held),
        "witnesses": list(held.witnesses),
    }


def _galleries(deployment: Deployment) -> JSONObject:
    found: dict[str, JSONValue] = {}
    for info in deployment.store.galleries():
        note, end = deployment.gallery_note(info.name), gallery_term.end_text(deployment, info.name)
        # One that was destroyed leaves its name in the store.
        if note is not None:
            about: JSONObject = {"purpose": str(note["purpose"]), "mode": info.mode, "pack": info.pack}
            found[info.name] = about if end is None else {**about, "end": end}
    return found


def digest(value: JSONObject) -> str:
    """Return the SHA-256 of a configuration's canonical JSON, 64 hexadecimal digits."""
    return sha256_hex(canonical_json(value))


def _roles(held: Guardians) -> dict[str, JSONValue]:
    counts = {role.value: held.roles.get(role.value, 0) for role in Role}
    return {
        role: "none" if not count else "one" if count < _ENOUGH else "two or more" for role, count in counts.items()
    }


def plain(value: object) -> JSONValue:
    """Return JSON of a value object: its fields by name, spans in words, sets in order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(str(plain(inner)) for inner in value)
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return _scalar(value)


def _scalar(value: object) -> JSONValue:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise AssertionError(f"a {type(value).__name__} has no plain form")


def span(value: timedelta) -> str:
    """Write a span in the largest unit that is exact."""
    seconds = int(value.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds and seconds % size == 0:
            return plural(seconds // size, unit)
    return "none"


def flattened(
    value: JSONValue, path: tuple[str, ...] = (), leave_out: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Return every number and word of a configuration with its path in words.

    Args:
        value: The configuration.
        path: Where it stands.
        leave_out: Keys at the top that are left out.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in leave_out:
                yield from flattened(inner, (*path, _word(key)))
    else:
        yield ": ".join(path), _listed(value)


def _word(key: str) -> str:
    return " ".join(part.upper() if part in _ACRONYMS else part for part in key.split("_"))


def _listed(value: JSONValue) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_listed(inner) for inner in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
