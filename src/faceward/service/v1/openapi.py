"""The description of `/v1` as OpenAPI 3.1: what the routes say, with errors, bodies, headers and examples."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from faceward.service.idempotency import HEADER
from faceward.service.problems import MEDIA_TYPE
from faceward.service.v1.examples import example
from faceward.service.v1.given import MODELS

_REF = "#/components/schemas/"
_ERRORS = {
    "400": "The request cannot be read.",
    "401": "Nobody has signed in, or the key is none in force.",
    "403": "A rule of the standard refuses it (`type` is `urn:faceward:rule:…`), or the caller may not.",
    "404": "There is no such thing.",
    "409": "It contradicts what is there, such as a request that is still being carried out.",
    "413": "The body is larger than is read.",
    "422": "It cannot be used; `type` says why, for example `urn:faceward:no-face`.",
    "428": "A signature of your own key is needed; send the request again with it.",
    "429": "As many wait as may; `Retry-After` says when to ask again.",
    "500": "Stored data were altered, or this program is at fault.",
    "503": "The machine could not do it now; `Retry-After` says when to ask again.",
}
_SAFE = frozenset({"get", "head", "options"})
_PUBLIC = frozenset({"/healthz", "/readyz"})
_BESIDE = _PUBLIC | {"/metrics"}


class ProblemShown(BaseModel):
    """What went wrong (RFC 9457); types of problems may say more."""

    model_config = {"extra": "allow"}
    type: str
    title: str
    status: int
    detail: str


def install(app: FastAPI) -> None:
    """Let an application describe itself so; the description is made once, when it is asked for first."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # how FastAPI documents it


def _described(app: FastAPI) -> dict[str, Any]:
    whole: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    whole["paths"] = {path: item for path, item in whole["paths"].items() if path.startswith("/v1/") or path in _BESIDE}
    models: list[type[BaseModel]] = [*MODELS.values(), ProblemShown]
    _, given = models_json_schema([(model, "validation") for model in models], ref_template=_REF + "{model}")
    schemas = whole.setdefault("components", {}).setdefault("schemas", {})
    schemas |= given["$defs"]
    for path, method, operation in _operations(whole):
        _complete(path, method, operation)
    used = _used(whole)
    whole["components"] = {
        "schemas": {name: schemas[name] for name in sorted(used)},
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A program's key."},
            "bearer": {"type": "http", "scheme": "bearer", "description": "A program's key, or a session's token."},
            "session": {"type": "apiKey", "in": "cookie", "name": "faceward_session", "description": "The console's."},
        },
    }
    for _, _, operation in _operations(whole):
        _illustrate(operation, whole["components"]["schemas"])
    return whole


def _operations(whole: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say of an operation what all have in common."""
    said = str(operation.get("description", "")).split("\n\n")[0].strip()
    operation["description"] = said
    operation["summary"] = re.split(r"(?<!Art)\. |; |: ", said)[0].rstrip(".")
    operation["responses"].pop("422", None)
    if path in _PUBLIC:
        return
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}ProblemShown"}}}
    for status, text in _ERRORS.items():
        operation["responses"][status] = {"description": text, "content": copy.deepcopy(content)}
    operation["security"] = [{"key": []}, {"bearer": []}, {"session": []}]
    if method not in _SAFE:
        operation.setdefault("parameters", []).append(
            {
                "name": HEADER,
                "in": "header",
                "required": False,
                "description": "A request that is sent again with the same key is not carried out again.",
                "schema": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!#-~]+$"},
            }
        )


def _illustrate(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    contents = [response.get("content", {}) for response in operation["responses"].values()]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media, said in content.items():
            if "schema" not in said or media.startswith("image/"):
                continue
            found = example(said["schema"], schemas)
            if media == "multipart/form-data":
                # A file has no example in JSON.
                found = {name: value for name, value in found.items() if value not in (b"", [b""], [b"", b""])}
            said["example"] = found
    for parameter in operation.get("parameters", []):
        parameter["example"] = example(parameter["schema"], schemas, parameter["name"])


def _used(whole: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that the paths lead to."""
    schemas, found = whole["components"]["schemas"], set[str]()
    open_ones = set(_references(whole["paths"]))
    while open_ones:
        name = open_ones.pop()
        if name not in found:
            found.add(name)
            open_ones |= set(_references(schemas[name]))
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REF)
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
