"""What a request brings: JSON or a form, read within the limits, then checked against a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from faceward.core.errors import BadInput
from faceward.core.sources import Upload, upload
from faceward.service import bodies
from faceward.service.callers import Caller
from faceward.service.roles import known

M = TypeVar("M", bound=BaseModel)

Who = Annotated[Caller, Depends(known)]
"""Who calls."""

MODELS: dict[str, type[BaseModel]] = {}
"""Models of bodies by name, for the description of the interface."""

_LONGEST = 10_000
# What a browser's form of this service may hold beside.
_IGNORED = frozenset({"csrf"})


class Given(BaseModel):
    """What a request's body says; it holds nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=_LONGEST, frozen=True)


class Shown(BaseModel):
    """What a response holds, for its description; operations make the object themselves."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Form(Generic[M]):
    """A form.

    Attributes:
        text: Its texts.
        files: Its files by field; a field that is not needed and not sent is an empty tuple.
    """

    text: M
    files: Mapping[str, tuple[Upload, ...]]

    def one(self, field: str = "image") -> Upload:
        """Return the file of a field that takes one."""
        [found] = self.files[field]
        return found


@dataclass(frozen=True, slots=True)
class Files:
    """A field of a form that takes files.

    Attributes:
        field: Its name.
        least: How many there must be.
        most: How many there may be.
        about: What they are.
    """

    field: str = "image"
    least: int = 1
    most: int = 1
    about: str = "A picture: JPEG, PNG, WebP, TIFF or BMP."


def json_of(model: type[M]) -> Any:  # noqa: ANN401 - what FastAPI's own Depends returns
    """Return the dependency that reads a body of JSON."""
    MODELS[model.__name__] = model

    async def read(request: Request) -> M:
        data = await bodies.body(request)
        try:
            given = model.model_validate_json(data or b"{}")
        except ValidationError as error:
            raise _malformed(error) from None
        request.state.content = hashlib.sha256(given.model_dump_json().encode()).hexdigest()
        return given

    return Depends(read)


def form_of(model: type[M], *files: Files, raw: bool = False) -> Any:  # noqa: ANN401
    """Return the dependency that reads a form.

    Args:
        model: Its texts.
        files: Its files.
        raw: The body may be the one picture itself, of a type `image/…`; texts then come from the query.
    """
    MODELS[model.__name__] = model

    async def read(request: Request) -> Form[M]:
        if raw and request.headers.get("content-type", "").lower().startswith("image/"):
            found = {files[0].field: (upload("the picture", await bodies.body(request)),)}
            return _checked(request, model, _texts(model, request.query_params.multi_items()), found)
        data = await bodies.form(request)
        try:
            texts = [(name, value) for name, value in data.multi_items() if isinstance(value, str)]
            brought = {one.field: await _uploads(data, one) for one in files}
            stray = {name for name, value in data.multi_items() if isinstance(value, UploadFile)} - set(brought)
        finally:
            await data.close()
        if stray:
            raise BadInput(f"the form takes no file {min(stray)[:40]!r}; see /v1/openapi.json")
        return _checked(request, model, _texts(model, texts), brought)

    return Depends(read)


def described(model: type[BaseModel], *files: Files, raw: bool = False) -> dict[str, Any]:
    """Return what the description of an operation says of its body; a form's, if files are named."""
    if not files:
        return _body({"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}})
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    properties, needed = dict(schema.get("properties", {})), list(schema.get("required", []))
    for one in files:
        item = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
        properties[one.field] = (
            {**item, "description": one.about}
            if one.most == 1
            else {
                "type": "array",
                "items": item,
                "minItems": one.least,
                "maxItems": one.most,
                "description": one.about,
            }
        )
        if one.least:
            needed.append(one.field)
    whole: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    content: dict[str, Any] = {"multipart/form-data": {"schema": {**whole, **({"required": needed} if needed else {})}}}
    if raw:
        content["image/*"] = {"schema": {"type": "string", "format": "binary"}}
    return _body(content)


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def _texts(model: type[BaseModel], pairs: list[tuple[str, str]]) -> dict[str, object]:
    """Return texts by field; a field that takes several gets a list, an empty one is as if it were not sent."""
    found: dict[str, object] = {}
    for name, value in pairs:
        field = model.model_fields.get(name)
        if name in _IGNORED or (value == "" and field is not None):
            continue
        several = field is not None and "tuple" in str(field.annotation)
        if several:
            found[name] = (*_several(found, name), value)
        elif name in found:
            raise BadInput(f"the form has the field {name[:40]!r} twice; send it once")
        else:
            found[name] = value
    return found


def _several(found: dict[str, object], name: str) -> tuple[object, ...]:
    held = found.get(name, ())
    return held if isinstance(held, tuple) else (held,)


async def _uploads(data: FormData, wanted: Files) -> tuple[Upload, ...]:
    if any(isinstance(value, str) and value for value in data.getlist(wanted.field)):
        raise BadInput(f"the field {wanted.field!r} is text; send the file itself, since nothing is fetched (rule P5)")
    found = [] if wanted.field not in data else await bodies.pictures(data, wanted.field)
    if not wanted.least <= len(found) <= wanted.most:
        raise BadInput(f"the form holds {len(found)} files {wanted.field!r}; send {wanted.least} to {wanted.most}")
    return tuple(found)


def _checked(
    request: Request, model: type[M], texts: dict[str, object], files: Mapping[str, tuple[Upload, ...]]
) -> Form[M]:
    try:
        given = model.model_validate(texts)
    except ValidationError as error:
        raise _malformed(error) from None
    # Not the bytes as they came: a client that sends a form again draws another boundary.
    digests = {name: [hashlib.sha256(one.data).hexdigest() for one in found] for name, found in files.items()}
    whole = json.dumps([given.model_dump(mode="json"), digests], sort_keys=True)
    request.state.content = hashlib.sha256(whole.encode()).hexdigest()
    return Form(given, files)


def _malformed(error: ValidationError) -> RequestValidationError:
    return RequestValidationError(error.errors(include_url=False, include_context=False, include_input=False))
