"""Examples for the description of the interface, drawn from schemas and from what each field is commonly called."""

from __future__ import annotations

from typing import Any

_DIGEST = "3f7a9c0e" * 8
_MOMENT = "2026-06-01T12:00:00Z"
_BY_NAME: dict[str, Any] = {
    "Idempotency-Key": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "access_key_id": "FW3XK7Q2M5T8Z4B6",
    "action": "none",
    "age_key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "address": "rtsp://10.0.0.7/stream1",
    "alert": "5a1f0c9e7b3d4e2aa2d1c3b4f5e6a7b8",
    "alternative": "the side entrance is not watched",
    "answers": [],
    "basis": "consent",
    "born": "1990-05-31",
    "camera": "entrance",
    "camera_class": "door",
    "captured": _MOMENT,
    "case": "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
    "change": "crop",
    "conclusion": "support",
    "contact": "privacy@acme.example",
    "controller": "ACME",
    "created": _MOMENT,
    "data": "LFW",
    "digest": _DIGEST,
    "entry": 17,
    "evaluation": _DIGEST,
    "evidence": "sheet 12, cabinet B",
    "expires": "2027-06-01T12:00:00Z",
    "fmr": 0.0001,
    "fpir": 0.01,
    "gallery": "door",
    "galleries": ["door"],
    "identifier": "4e1243bd22c66e76",
    "image": b"",
    "jurisdiction": "EU",
    "keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPVKqQ0y8bY3Nq4hQ0pYw2n6WkX5vVYkqC5j0uTqk2v anna"],
    "kind": "photograph",
    "mandate": None,
    "name": "door",
    "operators": ["Anna Keller"],
    "other": "investigation",
    "pack": "sface-yunet@1",
    "part": "readme",
    "person": "Anna Keller",
    "place": "main entrance",
    "purpose": "door",
    "purposes": ["door"],
    "reason": "a parcel was taken from the lobby on 30 May",
    "reference": "5f0c7e1a9d2b4c3e",
    "requester": "Anna Keller",
    "retention": "365d",
    "reviewer": "Ben Ortiz",
    "secret_access_key": "shown once, and never again",
    "sha256": _DIGEST,
    "source": "given by the subject",
    "subject": "Grace Hopper",
    "text": "what is held about me?",
    "tile": "0/000.p/17",
    "time": _MOMENT,
    "type": "urn:faceward:rule:P2",
    "title": "A rule of the standard refuses it",
    "status": 403,
    "detail": "refused by rule P2: no mandate is named. Ask for one with 'faceward mandate request'.",
    "trained_until": "2027-12-31",
    "until": "2026-06-08T12:00:00Z",
    "when": _MOMENT,
}
_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 0.5, "boolean": False, "null": None}


def example(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return a value that a schema allows.

    Args:
        schema: The schema.
        schemas: The schemas that it may refer to, by name.
        name: What the value is called, which says more than its type.
    """
    schema = _resolved(schema, schemas)
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", [None]))))
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, schemas)
    if name in _BY_NAME and _fits(_BY_NAME[name], schema, schemas):
        return _BY_NAME[name]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], schemas, name)
    if "prefixItems" in schema:
        return [example(one, schemas, name) for one in schema["prefixItems"]]
    if schema.get("type") == "array":
        item = example(schema.get("items", {}), schemas, name)
        return [item] * max(1, int(schema.get("minItems", 1)))
    if schema.get("format") in ("date", "date-time"):
        return _MOMENT if schema["format"] == "date-time" else "2026-06-01"
    if schema.get("format") == "binary":
        return b""
    if "default" in schema:
        return schema["default"]
    found = _BY_TYPE.get(str(schema.get("type")), {})
    return max(found, schema["minimum"]) if "minimum" in schema else found


def _object(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {name: example(one, schemas, name) for name, one in schema.get("properties", {}).items()}


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _fits(value: object, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    if "anyOf" in schema:
        return any(_fits(value, _resolved(one, schemas), schemas) for one in schema["anyOf"])
    kinds: dict[type, tuple[str, ...]] = {
        str: ("string",),
        bool: ("boolean",),
        int: ("integer", "number"),
        float: ("number",),
        type(None): ("null",),
        bytes: ("string",),
    }
    if isinstance(value, list):
        items = _resolved(schema.get("items", {}), schemas)
        return schema.get("type") == "array" and all(_fits(one, items, schemas) for one in value)
    return schema.get("type") in kinds[type(value)] and "enum" not in schema
