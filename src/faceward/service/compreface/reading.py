"""What a request brings: a form with pictures, or JSON with pictures in Base 64."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile

from faceward.core.errors import BadInput
from faceward.core.sources import Upload, upload
from faceward.service import bodies
from faceward.service.compreface.errors import Code, Failure

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_IDS = 1000


async def pictures(request: Request, *fields: str) -> tuple[Upload, ...]:
    """Return the pictures of a request, one for each field.

    Raises:
        Failure: One is missing, or is no Base 64 (RFC 4648 §4); or the body cannot be read.
        TooLarge: There is more than is read.
    """
    if _is_json(request):
        given = await json_object(request)
        return tuple(_decoded(given, field) for field in fields)
    try:
        form = await bodies.form(request)
    except BadInput as error:
        raise Failure(Code.UNDEFINED, str(error)) from None
    try:
        return tuple([await _part(form, field) for field in fields])
    finally:
        await form.close()


async def json_object(request: Request) -> dict[str, object]:
    """Return a body that is one JSON object.

    Raises:
        Failure: It is none.
        TooLarge: See `pictures`.
    """
    try:
        return await bodies.json_body(request)
    except BadInput as error:
        raise Failure(Code.UNDEFINED, str(error)) from None


async def subject(request: Request) -> str:
    """Return the subject that a body of JSON names.

    Raises:
        Failure: It names none.
    """
    name = (await json_object(request)).get("subject")
    if not isinstance(name, str) or not name.strip():
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, "Subject name cannot be empty")
    return name


async def identifiers(request: Request) -> list[str]:
    """Return the identifiers that a body of JSON lists.

    Raises:
        Failure: It is no list of up to 1,000 texts.
    """
    try:
        value = bodies.parsed(await bodies.body(request))
    except BadInput:
        value = None
    if not isinstance(value, list) or len(value) > _MOST_IDS or not all(isinstance(one, str) for one in value):
        message = f"send a JSON array of up to {_MOST_IDS} image ids"
        raise Failure(Code.VALIDATION_CONSTRAINT_VIOLATION, message)
    return value


async def _part(form: FormData, field: str) -> Upload:
    part = form.get(field)
    if not isinstance(part, UploadFile):
        raise Failure(Code.MISSING_REQUEST_PART, f"Required part {field} is missing")
    return upload(part.filename or field, await part.read())


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _decoded(given: dict[str, object], field: str) -> Upload:
    value = given.get(field)
    if not isinstance(value, str) or not value:
        raise Failure(Code.EMPTY_REQUIRED_FIELD, f"Field {field} cannot be empty")
    try:
        return upload(field, base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        raise Failure(Code.UNAVAILABLE_FILE_EXTENSION, "Provided value is not Base64") from None
